"""How sure we are of a fact about the machines: in the memory map, and in the vocabulary."""

from __future__ import annotations

from enum import StrEnum


class Confidence(StrEnum):
    """How sure we are of a row. Users see these words in the column *sure*."""

    SEEN = "seen"
    """A value read this way came from a real machine and made sense."""
    CLAIMED = "claimed"
    """A public source says so; no data at hand confirms it."""
    INFERRED = "inferred"
    """Our own reading of the data."""
    UNKNOWN = "unknown"
    """The bytes exist; nobody knows what they mean."""
