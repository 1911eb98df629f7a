"""A drawing of water while its messages come, and what is made of them when no more come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from lmdecode.codec.record import Record, Value
from lmdecode.codec.v1.memory_map import KEYS, PULSE_ML, SHORTEST_COFFEE
from lmdecode.codec.v1.values import is_number


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


APART_NS: Final = 5_000_000_000
"""Without a message of the flow for so long it is another draw, unless the machine's seconds say that it is not."""

_DRIFT: Final = 1.5  # s by which the machine's seconds and the clock's may differ in one draw
_QUIET: Final = 1.5  # s without a message of the flow, while others come: it has ended
_HOLE: Final = 3  # times the usual pace is so long that messages are missing
_STEADY: Final = (0.8, 1.25)  # seconds of the machine in one of ours, if its seconds are read rightly
_LONG_ENOUGH: Final = 3.0  # s to tell
_SLACK_NS: Final = 1_000_000_000  # by which a beginning that was worked out may be wrong


def begins_another(last: Sample, last_key: int | None, sample: Sample, key: int | None) -> bool:
    """Whether a message of the flow begins another draw than the one of the messages before it.

    Args:
        last: What the message before it said.
        last_key: And of which button.
        sample: What it says.
        key: And of which button.
    """
    if key != last_key:
        return True
    if None not in {sample.pulses, last.pulses} and (sample.pulses or 0) < (last.pulses or 0):
        return True
    passed = (sample.time_ns - last.time_ns) / 1e9
    if sample.seconds is None or last.seconds is None:
        return sample.time_ns - last.time_ns > APART_NS
    flowed = sample.seconds - last.seconds
    if flowed < 0:
        return True
    return sample.time_ns - last.time_ns > APART_NS and abs(flowed - passed) > _DRIFT


class Draw:
    """Water that flows, as long as it is not known to have ended.

    Args:
        machine: Which.
        evidence: By which messages we know of it.
        key: The button.
        connected_ns: When the connection began in which it was first seen.
        commanded: Whether the app has just commanded a backflush.
    """

    def __init__(
        self, machine: str, evidence: Evidence, key: int | None, connected_ns: int, *, commanded: bool = False
    ) -> None:
        self.machine = machine
        self.evidence = evidence
        self.key = key
        self.connected_ns = connected_ns
        self.commanded = commanded
        self.samples: list[Sample] = []
        self.streams: list[int] = []
        self.over_ns: int | None = None
        """When the machine said that no water flows any more."""
        self.heard_ns = 0
        """When it last said something else on the connection."""
        self.bits: set[str] = set()
        """Of `heating_state`, all that were seen."""
        self.values: dict[str, Value] = {}
        """What was known when it was last seen."""
        self._damaged_ns: list[int] = []

    @property
    def last_ns(self) -> int:
        """When it was last seen."""
        return self.samples[-1].time_ns

    @property
    def damaged(self) -> int:
        """Messages that were damaged or lost while it lasted."""
        return sum(time <= self.last_ns for time in self._damaged_ns)

    def flow(self, sample: Sample, stream: int, values: Mapping[str, Value]) -> None:
        """Take a message of the flow, and what is known by now."""
        self.samples.append(sample)
        if stream not in self.streams:
            self.streams.append(stream)
        names = ("coffee_set_temp", "dose_hot_water", f"dose_k{self.key}")
        self.values |= {name: values[name] for name in names if name in values}

    def alongside(self, record: Record, fields: Mapping[str, Value]) -> None:
        """Take another message of the machine's."""
        if record.stream == self.streams[-1]:
            self.heard_ns = record.time_ns
        state = fields.get("heating_state")
        if isinstance(state, list) and record.time_ns - self.last_ns < _QUIET * 1e9:
            self.bits.update(state)

    def lost(self, record: Record) -> None:
        """Note that a message of the machine's was damaged, or is not in the capture."""
        self._damaged_ns.append(record.time_ns)


def ended_draw(draw: Draw, last_ns: int) -> Shot:
    """What is known of it.

    Args:
        draw: It.
        last_ns: When the last record of all was.
    """
    if draw.evidence is Evidence.STATUS:
        return _of_status(draw)
    samples = draw.samples
    end = _end(samples)
    notes: list[str] = []
    seconds, start_ns = _duration(samples, end, notes)
    dose = _dose(draw)
    pace = median([(b.time_ns - a.time_ns) / 1e9 for a, b in pairwise(samples)] or [0.5])
    reached = dose is not None and end.pulses is not None and draw.key in KEYS and end.pulses >= dose
    quiet = (draw.heard_ns - draw.last_ns) / 1e9
    cut = not (reached or end is not samples[-1] or draw.over_ns or quiet > max(_QUIET, _HOLE * pace))
    if start_ns < draw.connected_ns - _SLACK_NS:
        notes.append("began before the connection: its beginning is worked out")
    if len(draw.streams) > 1:
        notes.append(f"the connection was made anew in it ({' → '.join(map(str, draw.streams))})")
    notes += _holes(draw, pace)
    if cut:
        running = last_ns - draw.last_ns < _QUIET * 1e9
        notes.append(
            "cut off: still running when the capture ends" if running else "cut off: the connection ended while it ran"
        )
    what = _what(draw, seconds, end, cut=cut)
    return Shot(
        machine=draw.machine,
        streams=tuple(draw.streams),
        what=what,
        evidence=Evidence.FLOW,
        key=draw.key or None,
        start_ns=start_ns,
        end_ns=end.time_ns,
        seconds=seconds,
        pulses=end.pulses,
        dose=_number(draw.values.get("dose_hot_water")) if what is What.HOT_WATER else dose,
        set_temp=None if what is What.HOT_WATER else _number(draw.values.get("coffee_set_temp")),
        coffee_temp_start=samples[0].coffee_temp,
        coffee_temp_end=end.coffee_temp,
        cut=cut,
        notes=tuple(notes),
        samples=tuple(samples),
    )


def _of_status(draw: Draw) -> Shot:
    first, last = draw.samples[0], draw.samples[-1]
    return Shot(
        machine=draw.machine,
        streams=tuple(draw.streams),
        what=_what(draw, None, last, cut=True),
        evidence=Evidence.STATUS,
        key=draw.key or None,
        start_ns=first.time_ns,
        end_ns=last.time_ns,
        pulses=last.pulses,
        dose=_dose(draw),
        set_temp=_number(draw.values.get("coffee_set_temp")),
        coffee_temp_start=first.coffee_temp,
        coffee_temp_end=last.coffee_temp,
        cut=True,
        notes=("only in the machine's status: when it began and ended is not seen",),
        samples=tuple(draw.samples),
    )


def _end(samples: list[Sample]) -> Sample:
    """The first message after which nothing flowed any more."""
    end = samples[-1]
    for sample in reversed(samples):
        if (sample.seconds, sample.pulses) != (end.seconds, end.pulses):
            break
        end = sample
    # A pause of the pump repeats its pulses, but not its seconds; without seconds nobody can tell the two apart.
    return samples[-1] if end.seconds is None else end


def _duration(samples: list[Sample], end: Sample, notes: list[str]) -> tuple[float, int]:
    """Seconds, and when it began; by the clock if the machine's seconds cannot be what they are taken for."""
    first = samples[0]
    passed = (end.time_ns - first.time_ns) / 1e9
    if first.seconds is None or end.seconds is None:
        return passed, first.time_ns
    counted = end.seconds - first.seconds
    if passed >= _LONG_ENOUGH and not _STEADY[0] <= counted / passed <= _STEADY[1]:
        notes.append(f"flow_seconds counts {counted:.1f} s in {passed:.1f} s: the duration is by the clock")
        return passed, first.time_ns
    return end.seconds, first.time_ns - round(first.seconds * 1e9)


def _holes(draw: Draw, pace: float) -> list[str]:
    times = [sample.time_ns for sample in draw.samples]
    missing = sum((b - a) / 1e9 for a, b in pairwise(times) if (b - a) / 1e9 > _HOLE * pace)
    notes = [f"nothing is heard of it for {missing:.1f} s"] if missing else []
    if draw.damaged:
        plural = "s" if draw.damaged > 1 else ""
        notes.append(f"{draw.damaged} message{plural} of the machine's damaged or not in the capture")
    return notes


def _what(draw: Draw, seconds: float | None, end: Sample, *, cut: bool) -> What:
    if draw.commanded and not draw.key:
        return What.BACKFLUSH
    if "hot_water_solenoid_on" in draw.bits:
        return What.HOT_WATER
    if draw.key in KEYS:
        return What.FLUSH if seconds is not None and seconds < SHORTEST_COFFEE and not cut else What.COFFEE
    if "brew_solenoid_on" in draw.bits:
        return What.COFFEE if end.pulses else What.BACKFLUSH
    return What.HOT_WATER if end.pulses and draw.evidence is Evidence.FLOW else What.UNKNOWN


def _dose(draw: Draw) -> float | None:
    return _number(draw.values.get(f"dose_k{draw.key}")) if draw.key in KEYS else None


def _number(value: Value | None) -> float | None:
    return value if value is not None and is_number(value) else None
