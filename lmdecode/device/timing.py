"""How long a machine is waited for. The command line shows it, and loads nothing of the client for that."""

from __future__ import annotations

from typing import Final

ANSWER_TIMEOUT: Final = 3.0
"""Seconds to wait for an answer. The machine reports about once a second, so a wrong key shows within that."""
