"""What came of making a copy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Replaced(NamedTuple):
    """How much of a kind was replaced."""

    kind: str
    values: int
    """Different ones."""
    times: int


@dataclass(frozen=True, slots=True)
class Redacted:
    """What came of making a copy."""

    format: str
    """What the original is."""
    messages: int
    """That are in the copy."""
    replaced: tuple[Replaced, ...]
    left_out: dict[str, int] = field(default_factory=dict)
    """What is not in the copy, and how much of it."""
    notes: tuple[str, ...] = ()
    """What is good to know, one line each."""
