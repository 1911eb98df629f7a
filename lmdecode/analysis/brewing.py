"""Brewings as the newer gateways push them, on the local stream and by Bluetooth: start, updates and stop."""

# Here the machine itself says what v1 leaves to be worked out:
#  - a start, with the button. Whether it becomes a shot or a flush is not known yet;
#  - updates about once a second: seconds so far, on the local stream pulses too;
#  - a stop, of a shot or of a flush. Only its name tells the two apart, and not the length: flushes of 9 s are real.
#
# A capture may have lost any of them, so each message belongs to the brewing that is open unless it cannot:
#  - a start begins another, unless a second listener has heard the same one;
#  - an update whose seconds went down begins another (as in pour.py), unless it came over another connection;
#  - a stop that counted fewer seconds than were seen, or that does not fit the clock, is another's: of one whose start
#    is not in the capture. Such a one is known by its stop alone, which is enough for when it began and ended.
# What has no stop is cut off: its end is not known, and neither is what it was.
#
# A message can only be received late, never early: it began at the earliest time that its first messages allow.

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from lmdecode.analysis.pour import Evidence, Sample, Shot, What, begins_another
from lmdecode.codec.record import Record, Value
from lmdecode.codec.v1.register import KEYS
from lmdecode.codec.v1.values import is_number

CONTINUOUS: Final = 5
"""The button of a paddle, and of water that runs until somebody stops it."""

WATER_NAMES: Final = frozenset(
    (
        *("brew_started_key", "flow_seconds", "flow_pulses"),
        *("brew_stopped_key", "brew_stopped_seconds", "flush_stopped_key", "flush_stopped_seconds"),
    )
)
"""The values that say that water flows, or that it has stopped."""

MOST_SAMPLES: Final = 2000
"""Messages that are kept of one pour where memory is bounded; a machine sends two a second at most."""
MOST_CONNECTIONS: Final = 16
"""Connections of which something is kept where memory is bounded: a watch of months makes any number of them."""
_SAME_NS: Final = 2_000_000_000  # in which two listeners hear one start
_AGAIN_NS: Final = 5_000_000_000  # in which a stop may be said again: a snapshot says what the stop said
_ALIKE: Final = 0.1  # s between two stops that are one
_LATE: Final = 5.0  # s by which a stop may be received late
_PACE: Final = 0.25  # of its length by which the machine's seconds may differ from the clock's
_MOST: Final = 1_000_000.0  # seconds or pulses that can be meant
_SILENCE_NS: Final = 3_000_000_000  # three usual steps without an update: nobody would say that it runs


class Stop(NamedTuple):
    """What the machine said when it stopped."""

    time_ns: int
    what: What
    key: int | None
    seconds: float | None
    pulses: int | None

    def joined(self, other: Stop) -> Stop:
        """Return the stop with what only another message about it has."""
        return self._replace(
            key=self.key if self.key is not None else other.key,
            seconds=self.seconds if self.seconds is not None else other.seconds,
            pulses=self.pulses if self.pulses is not None else other.pulses,
        )


@dataclass(slots=True)
class _Brewing:
    """One brewing, as its messages come."""

    key: int | None
    started_ns: int | None
    """When the message about its start came. None if the capture does not have that message."""
    samples: list[Sample] = field(default_factory=list)
    connections: list[tuple[str | None, int]] = field(default_factory=list)
    stop: Stop | None = None
    is_backflush: bool = False
    dose: float | None = None
    set_temp: float | None = None
    temp_start: float | None = None
    temp_end: float | None = None
    heard_ns: int = 0
    """When the machine last said anything on one of its connections."""
    generation: str = ""

    @property
    def button(self) -> int | None:
        """The button, as its start or its stop names it."""
        keys = (self.key, None if self.stop is None else self.stop.key)
        return next((key for key in keys if key), None)

    @property
    def first_ns(self) -> int | None:
        """The earliest time at which it can have begun, by its first messages."""
        times = [] if self.started_ns is None else [self.started_ns]
        if self.samples and self.samples[0].seconds is not None:
            times.append(self.samples[0].time_ns - round(self.samples[0].seconds * 1e9))
        elif self.samples:
            times.append(self.samples[0].time_ns)
        return min(times, default=None)

    @property
    def last_ns(self) -> int:
        """When it was last seen."""
        if self.stop is not None:
            return self.stop.time_ns
        return self.samples[-1].time_ns if self.samples else self.started_ns or 0

    def is_known(self, sample: Sample) -> bool:
        """Return whether another listener has already heard what an update says."""
        if len(self.connections) < 2 or not self.samples:
            return False
        last = self.samples[-1]
        if sample.seconds is None or last.seconds is None or sample.time_ns - last.time_ns > _SAME_NS:
            return False
        return 0 <= last.seconds - sample.seconds <= _SAME_NS / 1e9

    def is_another(self, sample: Sample) -> bool:
        """Return whether an update is one of another brewing."""
        if self.is_known(sample):
            return False
        if self.samples:
            return begins_another(self.samples[-1], None, sample, None)
        if self.stop is not None:
            return True
        passed = (sample.time_ns - (self.started_ns or 0)) / 1e9
        return sample.seconds is not None and abs(passed - sample.seconds) > max(_LATE, _PACE * passed)

    def owns(self, stop: Stop) -> bool:
        """Return whether a stop can be its stop."""
        last = self.samples[-1].seconds if self.samples else None
        if stop.seconds is None:
            return True
        if last is not None and stop.seconds < last - _ALIKE:
            return False
        began = self.first_ns
        passed = 0.0 if began is None else (stop.time_ns - began) / 1e9
        return began is None or abs(passed - stop.seconds) <= max(_LATE, _PACE * passed)


class Brewings:
    """The brewings of one machine, while its records come. It can be asked at any time.

    Args:
        machine: The machine's name.
        keep: Keep only the last so many; None keeps all.

    >>> from lmdecode.codec.record import Kind
    >>> brewings = Brewings("kitchen")
    >>> for second, said in ((0, {"brew_started_key": 5}), (25, {"brew_stopped_key": 5, "brew_stopped_seconds": 25.0})):
    ...     record = Record(second * 10**9, 0, "machine", "m", "a", Kind.STREAM, "report", fields=said)
    ...     brewings.add(record, said)
    >>> [(shot.what.value, shot.key, shot.seconds) for shot in brewings.shots()]
    [('coffee', 5, 25.0)]
    """

    def __init__(self, machine: str, keep: int | None = None) -> None:
        self.count = 0
        """How many have been heard of."""
        self._machine = machine
        self._values: dict[str, Value] = {}  # settings, the latest of each
        self._temps: dict[
            tuple[str | None, int], float
        ] = {}  # the last of each connection: they are pushed when they change
        self._open: _Brewing | None = None  # the last one; it may have stopped
        self._before: deque[Shot] = deque(maxlen=keep)
        self._is_bounded = keep is not None
        self._unended = 0  # of those before the last one
        self.ended: Counter[What] = Counter()
        """How many have ended, by what the machine called them then."""

    def rename(self, machine: str) -> None:
        """Take another name for the machine."""
        self._machine = machine
        self._before = deque((_renamed(shot, machine) for shot in self._before), self._before.maxlen)

    def add(self, record: Record, values: Mapping[str, Value]) -> None:
        """Take the next message of the machine, with the values that hold from it on."""
        self._values.update(values)
        temperature = values.get("coffee_temp")
        if temperature is not None and is_number(temperature):
            self._temps[record.connection] = temperature
            if self._is_bounded and len(self._temps) > MOST_CONNECTIONS:
                del self._temps[next(iter(self._temps))]
        brewing = self._open
        if brewing is not None and record.connection in brewing.connections:
            brewing.heard_ns = record.time_ns
        if not record.fields or WATER_NAMES.isdisjoint(values):
            return
        key = _integer(values.get("brew_started_key"))
        if key is not None:
            self._start(record, key)
        if "flow_seconds" in values or "flow_pulses" in values:
            self._update(record, values)
        for what, prefix in ((What.COFFEE, "brew_stopped"), (What.FLUSH, "flush_stopped")):
            if f"{prefix}_key" in values or f"{prefix}_seconds" in values:
                self._stop(record, _stop_of(record, values, what, prefix))

    def shots(self, now_ns: int | None = None) -> list[Shot]:
        """Return all so far, in the order in which they came.

        Args:
            now_ns: The time of the last record of all, or now; nanoseconds since 1970.
        """
        return [*self._before, *([] if self._open is None else [self._shot(self._open, now_ns)])]

    def running(self, now_ns: int) -> Shot | None:
        """Return the shot that runs now, or None if no shot runs.

        Args:
            now_ns: Nanoseconds since 1970.
        """
        brewing = self._open
        if brewing is None or brewing.stop is not None or now_ns - brewing.last_ns > _SILENCE_NS:
            return None
        return self._shot(brewing, now_ns)

    def unended(self, now_ns: int) -> int:
        """Return how many have no end, and do not run now: the messages of their ends were lost.

        Args:
            now_ns: Nanoseconds since 1970.
        """
        is_lost = self._open is not None and self._open.stop is None and self.running(now_ns) is None
        return self._unended + is_lost

    def _start(self, record: Record, key: int) -> None:
        brewing = self._open
        if (
            brewing is not None
            and brewing.started_ns is not None
            and record.connection not in brewing.connections
            and brewing.stop is None
            and abs(record.time_ns - brewing.started_ns) <= _SAME_NS
        ):
            brewing.connections.append(record.connection)
            return
        self._begin(record, key, record.time_ns)

    def _update(self, record: Record, values: Mapping[str, Value]) -> None:
        seconds, pulses = _number(values.get("flow_seconds")), _integer(values.get("flow_pulses"))
        sample = Sample(record.time_ns, seconds, pulses, self._temps.get(record.connection))
        brewing = self._open
        if brewing is not None and not brewing.is_another(sample):
            if brewing.stop is not None or brewing.is_known(sample):
                return  # late, or what another listener has heard already
        else:
            brewing = self._begin(record, None, None)
        brewing.samples.append(sample)
        if self._is_bounded and len(brewing.samples) > MOST_SAMPLES:
            del brewing.samples[1]  # the first one says when it began
        brewing.is_backflush |= values.get("backflush_on") is True
        if record.connection not in brewing.connections:
            brewing.connections.append(record.connection)
        self._known(brewing, record)

    def _stop(self, record: Record, stop: Stop) -> None:
        brewing = self._open
        if brewing is not None and brewing.stop is not None:
            before = brewing.stop
            alike = None in {before.seconds, stop.seconds} or abs((before.seconds or 0) - (stop.seconds or 0)) <= _ALIKE
            if before.what is stop.what and alike and stop.time_ns - before.time_ns <= _AGAIN_NS:
                self._stopped(brewing, record, before.joined(stop))
                return
            brewing = None
        if brewing is not None and not brewing.owns(stop):
            brewing = None
        if brewing is None:
            brewing = self._begin(record, stop.key, None)
        self._stopped(brewing, record, stop)

    def _stopped(self, brewing: _Brewing, record: Record, stop: Stop) -> None:
        if brewing.stop is None:
            self.ended[What.BACKFLUSH if brewing.is_backflush else stop.what] += 1
        brewing.stop = stop
        self._known(brewing, record)
        # A snapshot has the boiler's temperatures of that brewing, which are better than those of the last push.
        brewing.temp_start = _number(record.fields.get("snapshot_boiler_start_temp")) or brewing.temp_start
        brewing.temp_end = _number(record.fields.get("snapshot_boiler_temp")) or brewing.temp_end

    def _begin(self, record: Record, key: int | None, started_ns: int | None) -> _Brewing:
        if self._open is not None:
            self._before.append(self._shot(self._open, None))
            self._unended += self._open.stop is None
        self.count += 1
        brewing = self._open = _Brewing(key, started_ns, connections=[record.connection], generation=record.generation)
        brewing.temp_start = self._temps.get(record.connection)
        brewing.dose = _number(record.fields.get("brew_target_pulses")) or None
        self._known(brewing, record)
        return brewing

    def _known(self, brewing: _Brewing, record: Record) -> None:
        brewing.dose = brewing.dose or _dose(self._values, brewing.button)
        brewing.set_temp = _number(self._values.get("coffee_set_temp"))
        brewing.temp_end = self._temps.get(record.connection, brewing.temp_end)
        brewing.heard_ns = record.time_ns

    def _shot(self, brewing: _Brewing, now_ns: int | None) -> Shot:
        stop, samples = brewing.stop, tuple(brewing.samples)
        last = samples[-1] if samples else None
        began = brewing.first_ns
        seconds = stop.seconds if stop is not None else last.seconds if last is not None else None
        end_ns, notes = brewing.last_ns, []
        if stop is not None and stop.seconds is not None:
            length = round(stop.seconds * 1e9)
            if began is None:
                began = stop.time_ns - length
                notes.append("known by its end alone: its beginning is worked out")
            end_ns = min(stop.time_ns, began + length)
        if stop is None:
            running = now_ns is not None and now_ns - brewing.last_ns < _SILENCE_NS
            notes.append(_cut_note(brewing, running=running))
        counted = [each.pulses for each in (stop, last) if each is not None and each.pulses]
        return Shot(
            machine=self._machine,
            streams=tuple(stream for _, stream in brewing.connections),
            captures=tuple(dict.fromkeys(name for name, _ in brewing.connections if name is not None)),
            what=What.BACKFLUSH if brewing.is_backflush else stop.what if stop is not None else What.UNKNOWN,
            evidence=Evidence.FLOW,
            generation=brewing.generation,
            key=brewing.button,
            start_ns=began,
            end_ns=end_ns,
            seconds=seconds,
            pulses=counted[0] if counted else None,  # a machine without a flow meter says 0
            dose=brewing.dose,
            set_temp=brewing.set_temp,
            coffee_temp_start=brewing.temp_start,
            coffee_temp_end=brewing.temp_end,
            cut=stop is None,
            notes=tuple(notes),
            samples=samples,
        )


def _cut_note(brewing: _Brewing, *, running: bool) -> str:
    if running:
        return "cut off: still running when the capture ends"
    if brewing.heard_ns - brewing.last_ns > _SILENCE_NS:
        return "cut off: no message says that it ended, so it may have been a shot or a flush"
    return "cut off: the connection ended while it ran, so it may have been a shot or a flush"


def _stop_of(record: Record, values: Mapping[str, Value], what: What, prefix: str) -> Stop:
    return Stop(
        record.time_ns,
        what,
        _integer(values.get(f"{prefix}_key")),
        _number(values.get(f"{prefix}_seconds")),
        _integer(values.get(f"{prefix}_pulses")),
    )


def _dose(values: Mapping[str, Value], key: int | None) -> float | None:
    """Return the dose of a button; None for a paddle, which has none."""
    return (_number(values.get(f"dose_k{key}")) or None) if key in KEYS and key != CONTINUOUS else None


def _renamed(shot: Shot, machine: str) -> Shot:
    return replace(shot, machine=machine)


def _number(value: Value | None) -> float | None:
    return value if value is not None and is_number(value) and 0 <= value <= _MOST else None


def _integer(value: Value | None) -> int | None:
    number = _number(value)
    return None if number is None or number != round(number) else round(number)
