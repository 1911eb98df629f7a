"""The owner's configuration: config.json, the machines' keys, and the choice of a machine."""

from __future__ import annotations

from typing import Final

ENVIRONMENT_VARIABLE: Final = "LMDECODE_KEY"
"""Holds the key, where it is set."""
