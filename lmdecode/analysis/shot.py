"""One drawing of water, as far as messages tell of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from lmdecode.codec.v1.memory_map import PULSE_ML

__all__ = ["Evidence", "Sample", "Shot", "What"]


class What(StrEnum):
    """What the water was for."""

    COFFEE = "coffee"
    FLUSH = "flush"
    """Through the group, but too short for a coffee."""
    HOT_WATER = "hot water"
    BACKFLUSH = "backflush"
    UNKNOWN = "water"


class Evidence(StrEnum):
    """By which messages we know of it."""

    FLOW = "flow"
    """By what the machine pushes while water flows."""
    STATUS = "status"
    """Only because an answer of the machine fell into it."""
    COUNTER = "counter"
    """Only because a counter was higher afterwards."""


class Sample(NamedTuple):
    """One message of the water that flows."""

    time_ns: int
    seconds: float | None
    """Since it began, as the machine counts."""
    pulses: int | None
    coffee_temp: float | None
    """°C"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One drawing of water; with a counter as evidence, `count` of them."""

    machine: str
    streams: tuple[int, ...]
    """The connections in which it was seen."""
    what: What
    evidence: Evidence
    key: int | None = None
    """The button; None if it is not known, or there is none."""
    count: int = 1
    start_ns: int | None = None
    """Nanoseconds since 1970 when it began; worked out if the beginning is not in the capture."""
    end_ns: int | None = None
    """When it ended, or when it was last seen if it is `cut`."""
    seconds: float | None = None
    """How long it took, until it was last seen if it is `cut`."""
    pulses: int | None = None
    dose: float | None = None
    """What it was against: pulses for a coffee, seconds for hot water."""
    set_temp: float | None = None
    """°C of coffee that was set."""
    coffee_temp_start: float | None = None
    """°C, as all temperatures here."""
    coffee_temp_end: float | None = None
    cut: bool = False
    """Whether its end is not seen."""
    after_ns: int | None = None
    """With a counter as evidence: it was after this,"""
    before_ns: int | None = None
    """and before this."""
    notes: tuple[str, ...] = ()
    """What is to be said about it, a line each."""
    samples: tuple[Sample, ...] = field(default=(), repr=False)

    @property
    def ml(self) -> float | None:
        """About how many millilitres of water went through the flow meter."""
        return None if self.pulses is None else self.pulses * PULSE_ML

    @property
    def order(self) -> int:
        """When it was, for sorting."""
        return next((time for time in (self.start_ns, self.after_ns) if time is not None), 0)
