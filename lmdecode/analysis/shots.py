"""The shots and the hot water in a conversation, found in the messages that the machine pushes while water flows.

What is not in these messages is taken from others, as far as there are any: what was set, what the water was for, and
water of which no such message came, because it fell out of the capture or no app was there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from lmdecode.analysis.known_values import Known, is_trustworthy, machine_of
from lmdecode.analysis.pour import APART_NS, Draw, Evidence, Sample, Shot, What, begins_another, ended_draw
from lmdecode.codec.record import Kind, Record, Value
from lmdecode.codec.v1.memory_map import PULSE_ML, SHORTEST_COFFEE
from lmdecode.codec.v1.values import is_number

_COUNTERS: Final[Mapping[str, tuple[What, int | None]]] = {
    **{f"drinks_k{key}": (What.COFFEE, key) for key in range(1, 5)},
    "continuous": (What.COFFEE, 5),
    "drinks_hot_water": (What.HOT_WATER, None),
}
_NAMES: Final = frozenset(_COUNTERS)
_LATE_NS: Final = 3_000_000_000  # by which the counter and the end of the water may be apart
_LONGEST_NS: Final = 180_000_000_000  # that water flows on after it was last seen


class _Rise(NamedTuple):
    """A counter went up between two readings."""

    name: str
    after_ns: int
    before_ns: int
    by: int

    @property
    def possible(self) -> bool:
        """Whether there was time for so many; else it is another machine at the address, or another counter."""
        return self.by * SHORTEST_COFFEE * 1e9 <= self.before_ns - self.after_ns + _LONGEST_NS


class ShotCounters:
    """Reads one machine's counters."""

    def __init__(self, machine: str) -> None:
        self._machine = machine
        self._last: dict[str, tuple[int, int]] = {}  # time and count
        self._rises: list[_Rise] = []

    def add(self, time_ns: int, fields: Mapping[str, Value]) -> None:
        """Take what the machine says."""
        if _NAMES.isdisjoint(fields):
            return
        for name in _COUNTERS:
            count = fields.get(name)
            if not isinstance(count, int):
                continue
            before = self._last.get(name)
            if before is not None and count > before[1]:
                rise = _Rise(name, before[0], time_ns, count - before[1])
                if rise.possible:
                    self._rises.append(rise)
            self._last[name] = (time_ns, count)

    def unseen(self, shots: Iterable[Shot]) -> list[Shot]:
        """What the counters have, and `shots` have not."""
        left = [shot for shot in shots if shot.end_ns is not None]
        found: list[Shot] = []
        for rise in sorted(self._rises, key=lambda rise: rise.before_ns):
            what, key = _COUNTERS[rise.name]
            accounted = [shot for shot in left if _counts(shot, what, key) and _fits(shot, rise)][: rise.by]
            left = [shot for shot in left if shot not in accounted]
            if rise.by > len(accounted):
                found.append(
                    Shot(
                        machine=self._machine,
                        streams=(),
                        what=what,
                        evidence=Evidence.COUNTER,
                        key=key,
                        count=rise.by - len(accounted),
                        after_ns=rise.after_ns,
                        before_ns=rise.before_ns,
                        notes=(f"known by {rise.name} alone",),
                    )
                )
        return found


def _counts(shot: Shot, what: What, key: int | None) -> bool:
    """Whether a counter may have counted it; one too short for a coffee may have been none for the machine either."""
    if what is What.COFFEE:
        return shot.what in {What.COFFEE, What.FLUSH} and shot.key == key
    return shot.what is what


def _fits(shot: Shot, rise: _Rise) -> bool:
    """Whether it can have ended between the two readings."""
    end = shot.end_ns or 0
    return end - _LATE_NS < rise.before_ns and rise.after_ns < end + (_LONGEST_NS if shot.cut else _LATE_NS)


_WATER_BITS: Final = ("brew_solenoid_on", "hot_water_solenoid_on")


def find_shots(records: Iterable[Record]) -> list[Shot]:
    """All shots and other drawings of water, in the order in which they began.

    Args:
        records: In the order of time; of one machine or of several, and of as many connections as there are.

    >>> find_shots([])
    []
    """
    finder = ShotFinder()
    for record in records:
        finder.add(record)
    return finder.finish()


class ShotFinder:
    """Finds them while records come; keeps only what belongs to water that flowed."""

    def __init__(self) -> None:
        self._machines: dict[str, _Machine] = {}
        self._last_ns = 0

    def add(self, record: Record) -> None:
        """Take the next record."""
        self._last_ns = max(self._last_ns, record.time_ns)
        name = machine_of(record)
        machine = self._machines.get(name)
        if machine is None:
            machine = self._machines[name] = _Machine(name)
        machine.add(record)

    def finish(self) -> list[Shot]:
        """What was found, when the last record was added."""
        shots = [shot for machine in self._machines.values() for shot in machine.finish(self._last_ns)]
        return sorted(shots, key=lambda shot: shot.order)


class _Machine:
    """What is said about one machine."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._known = Known()
        self._counters = ShotCounters(name)
        self._first_ns: dict[int, int] = {}  # of each connection
        self._flowing: Draw | None = None  # by what the machine pushes
        self._seen: Draw | None = None  # by its status
        self._done: list[Draw] = []
        self._backflush_ns: int | None = None

    def add(self, record: Record) -> None:
        self._first_ns.setdefault(record.stream, record.time_ns)
        told = self._known.add(record)
        if told.get("command") == "start_backflush":
            self._backflush_ns = record.time_ns
        if record.sender != "machine":
            return
        if record.kind is Kind.STREAM and ("flow_pulses" in told or "flow_seconds" in told):
            self._flow(record)
        elif self._flowing is not None and not is_trustworthy(record):
            self._flowing.lost(record)
        elif told:
            if self._flowing is not None:
                self._flowing.alongside(record, told)
            self._status(record, told)
            self._counters.add(record.time_ns, told)

    def finish(self, last_ns: int) -> list[Shot]:
        self._done += [draw for draw in (self._flowing, self._seen) if draw is not None]
        self._flowing = self._seen = None
        found = [ended_draw(draw, last_ns) for draw in self._done]
        flows = [shot for shot in found if shot.evidence is Evidence.FLOW]
        # Water in a status answer is news only if no message of the flow told of it.
        shots = flows + [shot for shot in found if shot.evidence is Evidence.STATUS and not _among(shot, flows)]
        return shots + self._counters.unseen(shots)

    def _flow(self, record: Record) -> None:
        fields = record.fields
        key = _integer(fields.get("flow_key"))
        sample = Sample(
            record.time_ns,
            _number(fields.get("flow_seconds")),
            _integer(fields.get("flow_pulses")),
            _number(fields.get("coffee_temp")),
        )
        draw = self._flowing
        if draw is None or begins_another(draw.samples[-1], draw.key, sample, key):
            if draw is not None:
                self._done.append(draw)
            draw = self._flowing = self._begin(record, Evidence.FLOW, key)
        draw.flow(sample, record.stream, self._known.values)

    def _status(self, record: Record, fields: Mapping[str, Value]) -> None:
        bits = fields.get("heating_state")
        key = _integer(fields.get("key_active"))
        if bits is None and key is None:
            return
        wet = bool(key) or (isinstance(bits, list) and any(bit in bits for bit in _WATER_BITS))
        if not wet and self._flowing is not None and self._flowing.over_ns is None:
            self._flowing.over_ns = record.time_ns
        draw = self._seen
        if draw is not None and (not wet or (key or None) != draw.key):
            self._done.append(draw)
            draw = self._seen = None
        if wet:
            if draw is None:
                draw = self._seen = self._begin(record, Evidence.STATUS, key or None)
            pulses = _integer(fields.get("current_pulse_count"))
            sample = Sample(record.time_ns, None, pulses, _number(fields.get("coffee_temp")))
            draw.flow(sample, record.stream, self._known.values)
            draw.alongside(record, fields)

    def _begin(self, record: Record, evidence: Evidence, key: int | None) -> Draw:
        commanded = self._backflush_ns is not None and record.time_ns - self._backflush_ns < APART_NS
        return Draw(self._name, evidence, key, self._first_ns[record.stream], commanded=commanded)


def _among(shot: Shot, others: Iterable[Shot]) -> bool:
    """Whether a draw lies in another one, or within what its end may be late."""
    if shot.start_ns is None or shot.end_ns is None:
        return False
    for other in others:
        if other.start_ns is None or other.end_ns is None:
            continue
        if other.start_ns - APART_NS <= shot.start_ns and shot.end_ns <= other.end_ns + APART_NS:
            return True
    return False


def _number(value: Value | None) -> float | None:
    return value if value is not None and is_number(value) else None


def _integer(value: Value | None) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


_OVER: Final = 3_000_000_000  # ns without a word of water: it flows about every half second while it does
_KEPT: Final = 50


@dataclass(frozen=True, slots=True)
class LiveShot:
    """Water that was drawn: a coffee, or anything else that the flow meter sees."""

    begun_ns: int
    """When it was first heard of: nanoseconds since 1970, UTC."""
    last_ns: int
    key: int
    """The button; 0 for none."""
    seconds: float
    """As the machine counts them."""
    pulses: int
    """Of the flow meter."""
    hottest: float | None = None
    """°C of the coffee boiler, the most of them while it ran; None if the machine did not say."""
    coolest: float | None = None

    @property
    def milliliters(self) -> float:
        """About how much water it was."""
        return self.pulses * PULSE_ML


class LiveShots:
    """The shots of one machine, as its Records tell them.

    >>> shots = LiveShots()
    >>> fields = {"flow_key": 2, "flow_seconds": 1.5, "flow_pulses": 3}
    >>> shots.feed(Record(0, 0, "machine", "", "", Kind.STREAM, "report", fields=fields))
    >>> shots.running.key, shots.running.milliliters
    (2, 1.5)
    """

    def __init__(self) -> None:
        self.running: LiveShot | None = None
        """The one that runs."""
        self.finished: deque[LiveShot] = deque(maxlen=_KEPT)
        """The last ones, the newest first."""
        self.count = 0
        """How many there were."""

    def feed(self, record: Record) -> None:
        """Take a record into account. Any of them shows that time has passed."""
        self.pass_time(record.time_ns)
        fields = record.fields
        seconds, pulses, key = fields.get("flow_seconds"), fields.get("flow_pulses"), fields.get("flow_key")
        if record.kind is not Kind.STREAM or not is_number(seconds) or not is_number(pulses) or not is_number(key):
            return
        shot = self._continued(record.time_ns, int(key), float(seconds), int(pulses))
        temperature = fields.get("coffee_temp")
        if is_number(temperature):
            shot = replace(
                shot,
                hottest=max(shot.hottest or temperature, temperature),
                coolest=min(shot.coolest or temperature, temperature),
            )
        self.running = shot

    def pass_time(self, time_ns: int) -> None:
        """Let it be so late: a shot of which nothing was heard for a while is over."""
        if self.running is not None and time_ns - self.running.last_ns > _OVER:
            self.end()

    def end(self) -> None:
        """Whatever runs is over, as far as anybody can tell."""
        if self.running is not None:
            self.finished.appendleft(self.running)
            self.running = None

    def _continued(self, time_ns: int, key: int, seconds: float, pulses: int) -> LiveShot:
        """The shot that it belongs to, brought up to it: the last one if the machine counts on, else a new one."""
        last = self.running or (self.finished[0] if self.finished else None)
        now = Sample(time_ns, seconds, pulses, None)
        if last is None or begins_another(Sample(last.last_ns, last.seconds, last.pulses, None), last.key, now, key):
            self.end()
            self.count += 1
            return LiveShot(time_ns, time_ns, key, seconds, pulses)
        if self.running is None:
            self.finished.popleft()
        return replace(last, last_ns=time_ns, seconds=seconds, pulses=pulses)
