"""A machine made of software: a pure state machine, and the server that puts it on the network."""

from __future__ import annotations

from typing import Final

__all__ = ["SAMPLE_KEY"]

SAMPLE_KEY: Final = "12345678901234567890123456789012"
"""The key of the sample captures, which is no machine's."""
