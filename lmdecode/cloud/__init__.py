"""The maker's cloud: credentials out of HTTP messages, the login, the configuration file."""

from __future__ import annotations

from typing import Final

__all__ = ["ENVIRONMENT_VARIABLE"]

ENVIRONMENT_VARIABLE: Final = "LMDECODE_KEY"
"""Holds the key, where it is set."""
