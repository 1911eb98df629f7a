"""One pour of water: from the machine's messages about it to a `Shot`."""

# When a pour begins and when it ends
#
# While water flows, the machine pushes a message of its flow meter about twice a second: the button, the seconds and
# the pulses so far, the temperature of the coffee boiler. No message says "begins" or "ends", so both are worked out.
#
# A message belongs to the pour of the message before it unless it cannot:
#  - another button is another pour;
#  - the machine counts seconds and pulses from 0 in each pour, so a count that went down is another pour;
#  - a silence alone proves little: pre-brewing stops the pump for seconds, a capture loses packets, an app connects
#    again. After more than 5 s (`APART_NS`) the machine's own seconds decide: if they went on as the clock did, it is
#    still the same pour.
# The order matters: button and counts hold however short the silence is, for two shots can follow at once.
#
# A pour has ended, and was not merely cut off, if any of these holds:
#  - its pulses reached the dose of its button;
#  - its last messages repeat seconds and pulses: the machine sends a few more after the valve has closed, and the first
#    of them is the end. Pulses alone do not say so, for a pause of the pump repeats them too;
#  - an answer about the machine's status says that no valve is open;
#  - other messages of the machine came, but none of the flow, for longer than 1.5 s and than three usual steps.
# Otherwise the capture or the connection ended first: `Shot.cut`.
#
# The beginning is the first message's time less the machine's seconds, so it is right even if the first messages are
# missing. The seconds are believed only if they run about as fast as the clock: their unit is inferred from one
# source, and a simulated machine may run at any speed.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from lmdecode.codec.record import Record, Value
from lmdecode.codec.v1.memory_map import PULSE_ML, SHORTEST_COFFEE
from lmdecode.codec.v1.register import KEYS
from lmdecode.codec.v1.values import is_number


class What(StrEnum):
    """The purpose of the water."""

    COFFEE = "coffee"
    FLUSH = "flush"
    """Through the group, but too short for a coffee."""
    HOT_WATER = "hot water"
    BACKFLUSH = "backflush"
    UNKNOWN = "water"


class Evidence(StrEnum):
    """The messages that show a shot."""

    FLOW = "flow"
    """The messages that the machine pushes while water flows."""
    STATUS = "status"
    """Only an answer about the machine's status that fell into the shot."""
    COUNTER = "counter"
    """Only a counter that was higher afterwards."""
    PUSH = "push"
    """The cloud's pushes when it began and when it ended, which come a few seconds late."""
    HISTORY = "history"
    """Only the list of past shots that the cloud keeps."""


class Sample(NamedTuple):
    """One message about water that flows."""

    time_ns: int
    seconds: float | None
    """Since the water began to flow, as the machine counts them."""
    pulses: int | None
    coffee_temp: float | None
    """°C"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One pour of water; if only a counter shows it, `count` of them."""

    machine: str
    streams: tuple[int, ...]
    """The connections in which it was seen; each capture numbers its own."""
    what: What
    evidence: Evidence
    key: int | None = None
    """The button, under the protocol's name. None if the button is not known, or if the water has no button."""
    count: int = 1
    start_ns: int | None = None
    """Nanoseconds since 1970 when it began; worked out if the capture does not have the beginning."""
    end_ns: int | None = None
    """When it ended, or when it was last seen if it is `cut`."""
    seconds: float | None = None
    """How long it took; until it was last seen if it is `cut`."""
    pulses: int | None = None
    dose: float | None = None
    """The amount that was set: pulses for a coffee unless `dose_unit` says otherwise, seconds for hot water."""
    dose_unit: str | None = None
    """The unit of the dose where it is another than those: "g" where the machine weighs."""
    set_temp: float | None = None
    """°C that were set for coffee."""
    coffee_temp_start: float | None = None
    """°C, as all temperatures here."""
    coffee_temp_end: float | None = None
    cut: bool = False
    """Whether the capture does not show its end."""
    after_ns: int | None = None
    """If only a counter shows it: it was after this time,"""
    before_ns: int | None = None
    """and before this time."""
    notes: tuple[str, ...] = ()
    """Remarks for the user, a line each."""
    samples: tuple[Sample, ...] = field(default=(), repr=False)
    captures: tuple[str, ...] = ()
    """The captures in which it was seen, where there are several."""
    generation: str = "v1"
    """The protocol that shows it."""

    @property
    def button(self) -> int | None:
        """The button, as `key`, which is what the protocol calls it."""
        return self.key

    @property
    def ml(self) -> float | None:
        """About how many millilitres of water went through the flow meter."""
        return None if self.pulses is None else self.pulses * PULSE_ML

    @property
    def order(self) -> int:
        """The time to sort by: when it began, or after which time it must have been."""
        return next((time for time in (self.start_ns, self.after_ns) if time is not None), 0)


APART_NS: Final = 5_000_000_000
"""After a silence longer than this the machine's seconds decide whether it is still the same pour."""

_DRIFT: Final = 1.5  # s by which the machine's seconds and the clock's may differ within one pour
_QUIET: Final = 1.5  # s without a message of the flow, while other messages come: the pour has ended
_HOLE: Final = 3  # a step of so many usual steps means that messages are missing
_STEADY: Final = (0.8, 1.25)  # machine seconds in a second of the clock, if the machine counts seconds at all
_LONG_ENOUGH: Final = 3.0  # s; the pace of a shorter pour is too uncertain to judge
_MOST_DAMAGED: Final = 10_000  # of messages that are counted: the last pour is kept as long as there is no other
_SLACK_NS: Final = 1_000_000_000  # by which a beginning that was worked out may be wrong


def begins_another(last: Sample, last_key: int | None, sample: Sample, key: int | None) -> bool:
    """Return whether a message of the flow begins another pour than that of the message before it.

    Args:
        last: The message before it.
        last_key: The button in the message before it.
        sample: The message.
        key: The button in the message.
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


class Pour:
    """The messages about one pour of water, as they come.

    Args:
        machine: The machine's name.
        evidence: The messages that show it.
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
        self.connections: list[tuple[str | None, int]] = []
        """The connections in which it was seen: capture and number."""
        self.over_ns: int | None = None
        """When the machine said that no water flows any more."""
        self.heard_ns = 0
        """When the machine last said something else on the connection."""
        self.bits: set[str] = set()
        """All bits of `heating_state` that were set in it."""
        self.values: dict[str, Value] = {}
        """The settings that held when it was last seen."""
        self._damaged_ns: list[int] = []

    @property
    def last_ns(self) -> int:
        """When it was last seen."""
        return self.samples[-1].time_ns

    @property
    def damaged(self) -> int:
        """How many messages were damaged or lost while it lasted."""
        return sum(time <= self.last_ns for time in self._damaged_ns)

    @property
    def streams(self) -> tuple[int, ...]:
        """The numbers of the connections in which it was seen."""
        return tuple(stream for _, stream in self.connections)

    @property
    def captures(self) -> tuple[str, ...]:
        """The captures in which it was seen, if they have names."""
        return tuple(dict.fromkeys(capture for capture, _ in self.connections if capture is not None))

    def flow(self, sample: Sample, connection: tuple[str | None, int], values: Mapping[str, Value]) -> None:
        """Take a message of the flow, with the values that are known by now."""
        self.samples.append(sample)
        if connection not in self.connections:
            self.connections.append(connection)
        names = ("coffee_set_temp", "dose_hot_water", f"dose_k{self.key}")
        self.values |= {name: values[name] for name in names if name in values}

    def alongside(self, record: Record, fields: Mapping[str, Value]) -> None:
        """Take another message of the machine."""
        if record.connection == self.connections[-1]:
            self.heard_ns = record.time_ns
        state = fields.get("heating_state")
        if isinstance(state, list) and record.time_ns - self.last_ns < _QUIET * 1e9:
            self.bits.update(state)

    def lost(self, record: Record) -> None:
        """Note that a message of the machine was damaged, or is not in the capture."""
        if len(self._damaged_ns) < _MOST_DAMAGED:
            self._damaged_ns.append(record.time_ns)


def shot_of(pour: Pour, now_ns: int | None = None) -> Shot:
    """Return the shot that a pour is, as far as its messages show it.

    Args:
        pour: The pour.
        now_ns: The time of the last record of all, or now; None if another pour has followed.
    """
    if pour.evidence is Evidence.STATUS:
        return _of_status(pour)
    samples = pour.samples
    end = _end(samples)
    notes: list[str] = []
    seconds, start_ns = _duration(samples, end, notes)
    dose = _dose(pour)
    pace = median([(b.time_ns - a.time_ns) / 1e9 for a, b in pairwise(samples)] or [0.5])
    reached = dose is not None and end.pulses is not None and pour.key in KEYS and end.pulses >= dose
    quiet = (pour.heard_ns - pour.last_ns) / 1e9
    cut = not (reached or end is not samples[-1] or pour.over_ns or quiet > max(_QUIET, _HOLE * pace))
    if start_ns < pour.connected_ns - _SLACK_NS:
        notes.append("began before the connection: its beginning is worked out")
    if len(pour.connections) > 1:
        names = [
            str(stream) if len(pour.captures) < 2 else f"{capture} {stream}" for capture, stream in pour.connections
        ]
        notes.append(f"the connection was made anew in it ({' → '.join(names)})")
    notes += _holes(pour, pace)
    if cut:
        running = now_ns is not None and now_ns - pour.last_ns < _QUIET * 1e9
        notes.append(
            "cut off: still running when the capture ends" if running else "cut off: the connection ended while it ran"
        )
    what = _what(pour, seconds, end, cut=cut)
    return Shot(
        machine=pour.machine,
        streams=pour.streams,
        captures=pour.captures,
        what=what,
        evidence=Evidence.FLOW,
        key=pour.key or None,
        start_ns=start_ns,
        end_ns=end.time_ns,
        seconds=seconds,
        pulses=end.pulses,
        dose=_number(pour.values.get("dose_hot_water")) if what is What.HOT_WATER else dose,
        set_temp=None if what is What.HOT_WATER else _number(pour.values.get("coffee_set_temp")),
        coffee_temp_start=samples[0].coffee_temp,
        coffee_temp_end=end.coffee_temp,
        cut=cut,
        notes=tuple(notes),
        samples=tuple(samples),
    )


def _of_status(pour: Pour) -> Shot:
    first, last = pour.samples[0], pour.samples[-1]
    return Shot(
        machine=pour.machine,
        streams=pour.streams,
        captures=pour.captures,
        what=_what(pour, None, last, cut=True),
        evidence=Evidence.STATUS,
        key=pour.key or None,
        start_ns=first.time_ns,
        end_ns=last.time_ns,
        pulses=last.pulses,
        dose=_dose(pour),
        set_temp=_number(pour.values.get("coffee_set_temp")),
        coffee_temp_start=first.coffee_temp,
        coffee_temp_end=last.coffee_temp,
        cut=True,
        notes=("only in the machine's status: when it began and ended is not seen",),
        samples=tuple(pour.samples),
    )


def _end(samples: list[Sample]) -> Sample:
    """Return the first message after which nothing flowed any more."""
    end = samples[-1]
    for sample in reversed(samples):
        if (sample.seconds, sample.pulses) != (end.seconds, end.pulses):
            break
        end = sample
    # A pause of the pump repeats its pulses, but not its seconds; without seconds nobody can tell the two apart.
    return samples[-1] if end.seconds is None else end


def _duration(samples: list[Sample], end: Sample, notes: list[str]) -> tuple[float, int]:
    """Return the seconds and the beginning; by the clock if the machine's count runs at another pace."""
    first = samples[0]
    passed = (end.time_ns - first.time_ns) / 1e9
    if first.seconds is None or end.seconds is None:
        return passed, first.time_ns
    counted = end.seconds - first.seconds
    if passed >= _LONG_ENOUGH and not _STEADY[0] <= counted / passed <= _STEADY[1]:
        notes.append(f"flow_seconds counts {counted:.1f} s in {passed:.1f} s: the duration is by the clock")
        return passed, first.time_ns
    return end.seconds, first.time_ns - round(first.seconds * 1e9)


def _holes(pour: Pour, pace: float) -> list[str]:
    times = [sample.time_ns for sample in pour.samples]
    missing = sum((b - a) / 1e9 for a, b in pairwise(times) if (b - a) / 1e9 > _HOLE * pace)
    notes = [f"nothing is heard of it for {missing:.1f} s"] if missing else []
    if pour.damaged:
        plural = "s" if pour.damaged > 1 else ""
        notes.append(f"{pour.damaged} message{plural} of the machine's damaged or not in the capture")
    return notes


def _what(pour: Pour, seconds: float | None, end: Sample, *, cut: bool) -> What:
    if pour.commanded and not pour.key:
        return What.BACKFLUSH
    if "hot_water_solenoid_on" in pour.bits:
        return What.HOT_WATER
    if pour.key in KEYS:
        return What.FLUSH if seconds is not None and seconds < SHORTEST_COFFEE and not cut else What.COFFEE
    if "brew_solenoid_on" in pour.bits:
        return What.COFFEE if end.pulses else What.BACKFLUSH
    return What.HOT_WATER if end.pulses and pour.evidence is Evidence.FLOW else What.UNKNOWN


def _dose(pour: Pour) -> float | None:
    return _number(pour.values.get(f"dose_k{pour.key}")) if pour.key in KEYS else None


def _number(value: Value | None) -> float | None:
    return value if value is not None and is_number(value) else None
