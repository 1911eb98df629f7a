"""A machine made of software: a pure state machine, and the server that puts it on the network."""

from __future__ import annotations

from typing import Final

RADIO_PORT: Final = 6402
"""The usual TCP port of a radio in memory."""
FORMS: Final = ("members", "items")
"""How the texts of the stream of v3 can be written."""
