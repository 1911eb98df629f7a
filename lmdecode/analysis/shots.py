"""The shots and the hot water in a conversation; of a capture as a whole, or of a machine while it is watched."""

# The newer generations say more plainly when water flows: see brewing.py and cloud_shots.py. Of v1,
# three kinds of messages show that water flowed, and they do not say equally much:
#  - what the machine pushes while water flows: button, time, pulses. Each pour of it is a shot (see pour.py).
#  - an answer about the machine's status that happens to fall into a pour: water flows, and for which button. It is a
#    shot of its own only if no pushed messages cover that time: they may be missing in the capture.
#  - a drink counter that is higher than before: so many shots were drawn since, with nobody listening. They are shots
#    of their own only as far as the shots of the first two kinds do not account for them.
# So a later message can never take a shot back that pushed messages show, and those alone are shown of a machine that
# is watched; the other two kinds are weighed against them when somebody asks for all shots.

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from lmdecode.analysis.brewing import CONTINUOUS, MOST_CONNECTIONS, MOST_SAMPLES, WATER_NAMES, Brewings
from lmdecode.analysis.cloud_shots import CloudShots
from lmdecode.analysis.memory_history import is_intact, values_in
from lmdecode.analysis.pour import APART_NS, Evidence, Pour, Sample, Shot, What, begins_another, shot_of
from lmdecode.analysis.serials import SerialNumbers
from lmdecode.codec.record import Kind, Record, Value
from lmdecode.codec.v1.memory_map import SHORTEST_COFFEE
from lmdecode.codec.v1.values import is_number

_COUNTERS: Final[Mapping[str, tuple[What, int | None]]] = {
    **{f"drinks_k{key}": (What.COFFEE, key) for key in range(1, 5)},
    "continuous": (What.COFFEE, 5),
    "drinks_hot_water": (What.HOT_WATER, None),
}
_TOTALS: Final[Mapping[str, tuple[What, int | None]]] = {
    "total_coffee": (What.COFFEE, None),
    "total_flushing": (What.FLUSH, None),
}
"""The counters of the cloud, which counts the coffees of all buttons as one."""
_NAMES: Final = frozenset((*_COUNTERS, *_TOTALS))
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
        """Whether there was time for so many shots; otherwise another machine has taken over the address."""
        return self.by * SHORTEST_COFFEE * 1e9 <= self.before_ns - self.after_ns + _LONGEST_NS


class ShotCounters:
    """Reads the drink counters of one machine.

    Args:
        machine: The machine's name.
        keep: Remember only the last so many rises; None remembers all.
    """

    def __init__(self, machine: str, keep: int | None = None) -> None:
        self._machine = machine
        self._last: dict[str, tuple[int, int]] = {}  # time and count
        self._rises: deque[_Rise] = deque(maxlen=keep)

    def rename(self, machine: str) -> None:
        """Take another name for the machine."""
        self._machine = machine

    def add(self, time_ns: int, fields: Mapping[str, Value], generation: str = "v1") -> None:
        """Take the named values of one message.

        Args:
            time_ns: Its time.
            fields: The values.
            generation: The protocol that it is in; those whose counters are of other things have other counters.
        """
        if _NAMES.isdisjoint(fields):
            return
        for name in _TOTALS if generation == "lion" else _COUNTERS:
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
        """Return the shots that were counted and are not among `shots`."""
        if not self._rises:
            return []
        left = [shot for shot in shots if shot.end_ns is not None]
        found: list[Shot] = []
        for rise in sorted(self._rises, key=lambda rise: rise.before_ns):
            what, key = _COUNTERS.get(rise.name) or _TOTALS[rise.name]
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
    """Return whether the counter of a key may have counted a shot."""
    if shot.generation != "v1" and what is What.COFFEE:
        # The machine itself says what a flush is. One with a paddle counts all its shots as those of the first button.
        return shot.what in {What.COFFEE, What.UNKNOWN} and (key is None or shot.key in {key, None, CONTINUOUS})
    if what is What.COFFEE:  # where we draw the line between flush and coffee, the machine may draw another
        return shot.what in {What.COFFEE, What.FLUSH} and shot.key == key
    return shot.what is what


def _fits(shot: Shot, rise: _Rise) -> bool:
    """Return whether a shot can have ended between the two readings."""
    end = shot.end_ns or 0
    return end - _LATE_NS < rise.before_ns and rise.after_ns < end + (_LONGEST_NS if shot.cut else _LATE_NS)


_WATER_BITS: Final = ("brew_solenoid_on", "hot_water_solenoid_on")
_SILENCE_NS: Final = 3_000_000_000  # six usual steps without a message of the flow: nobody would say that it flows


def find_shots(records: Iterable[Record]) -> list[Shot]:
    """Return all shots and other pours of water, in the order in which they began.

    Args:
        records: In the order of time; of one machine or of several, and of any number of connections.

    >>> find_shots([])
    []
    """
    finder = ShotFinder()
    for record in records:
        finder.add(record)
    return finder.shots()


class ShotFinder:
    """Finds the shots of each machine while records come; keeps only what belongs to water that flowed."""

    def __init__(self) -> None:
        self._machines: dict[str, MachineShots] = {}
        self._names = SerialNumbers()
        self._last_ns = 0

    def add(self, record: Record) -> None:
        """Take the next record."""
        self._last_ns = max(self._last_ns, record.time_ns)
        name = self._names.of(record)
        renamed = self._names.renamed
        if renamed is not None and renamed.before in self._machines and name not in self._machines:
            self._machines[name] = self._machines.pop(renamed.before)
            self._machines[name].rename(name)
        machine = self._machines.get(name)
        if machine is None:
            machine = self._machines[name] = MachineShots(name)
        machine.add(record)

    def shots(self) -> list[Shot]:
        """Return all shots so far, in the order in which they began."""
        shots = [shot for machine in self._machines.values() for shot in machine.shots(self._last_ns)]
        return sorted(shots, key=lambda shot: shot.order)


class Totals(NamedTuple):
    """How many pours of water a machine has reported."""

    shots: int
    """Those that have ended; of v1, which says of none what it is, flushes too."""
    flushes: int
    """Those that the machine itself called a flush, at their ends."""
    unended: int
    """Those whose end was lost, so that nobody knows what they were."""


class MachineShots:
    """Finds the shots of one machine while its records come. It can be asked at any time.

    Args:
        machine: The machine's name.
        keep: Keep only the last so many shots, for a machine that is watched for weeks; None keeps all.

    >>> shots = MachineShots("kitchen")
    >>> fields = {"flow_key": 2, "flow_seconds": 1.5, "flow_pulses": 3}
    >>> shots.add(Record(0, 0, "machine", "m", "a", Kind.STREAM, "report", fields=fields))
    >>> running = shots.running(1_000_000_000)
    >>> running.key, running.ml
    (2, 1.5)
    """

    def __init__(self, machine: str, keep: int | None = None) -> None:
        self._count = 0
        self._name = machine
        self._values: dict[str, Value] = {}  # the latest of each name
        self._counters = ShotCounters(machine, keep)
        self._first_ns: dict[tuple[str | None, int], int] = {}  # of each connection
        self._flowing: Pour | None = None  # the last one of what the machine pushes
        self._flowed: deque[Shot] = deque(maxlen=keep)  # those before it
        self._seen: Pour | None = None  # the one that the last status showed
        self._were_seen: deque[Shot] = deque(maxlen=keep)  # those before it
        self._connected = True
        self._is_bounded = keep is not None
        self._unended = 0  # of those before the last one
        self._backflush_ns: int | None = None
        self._brewings = Brewings(machine, keep)  # what the newer gateways push
        self._cloud = CloudShots(machine, keep)

    def add(self, record: Record) -> None:
        """Take the next record of this machine."""
        if record.generation != "v1":
            self._add_newer(record)
            return
        self._first_ns.setdefault(record.connection, record.time_ns)
        if self._is_bounded and len(self._first_ns) > MOST_CONNECTIONS:
            del self._first_ns[next(iter(self._first_ns))]
        values = values_in(record)
        self._values.update(values)
        if values.get("command") == "start_backflush":
            self._backflush_ns = record.time_ns
        if record.sender != "machine":
            return
        if record.kind is Kind.STREAM and ("flow_pulses" in values or "flow_seconds" in values):
            self._flow(record)
        elif self._flowing is not None and not is_intact(record):
            self._flowing.lost(record)
        elif values:
            if self._flowing is not None:
                self._flowing.alongside(record, values)
            self._status(record, values)
            self._counters.add(record.time_ns, values)

    def rename(self, machine: str) -> None:
        """Take another name for the machine: its serial number has turned up."""
        self._name = self._cloud.machine = machine
        self._brewings.rename(machine)
        self._counters.rename(machine)

    @property
    def count(self) -> int:
        """How many pours the machine has reported while they flowed."""
        return self._count + self._brewings.count

    def totals(self, now_ns: int) -> Totals:
        """Return how many pours there were, of what the machine pushes.

        Args:
            now_ns: Nanoseconds since 1970.
        """
        pour, ended = self._flowing, self._brewings.ended
        unended = self._unended
        if pour is not None and self.running(now_ns) is None:
            unended += shot_of(pour, now_ns).cut
        return Totals(
            self._count - unended + ended[What.COFFEE],
            ended.total() - ended[What.COFFEE],
            unended + self._brewings.unended(now_ns),
        )

    def shots(self, last_ns: int) -> list[Shot]:
        """Return all shots so far, whatever shows them.

        Args:
            last_ns: The time of the last record, whichever machine it is of.
        """
        flows = [*self._flowed, *(shot_of(pour, last_ns) for pour in [self._flowing] if pour is not None)]
        flows = self._cloud.shots(flows + self._brewings.shots(last_ns), last_ns)
        seen = [*self._were_seen, *(shot_of(pour, last_ns) for pour in [self._seen] if pour is not None)]
        shots = flows + [shot for shot in seen if not _among(shot, flows)]
        return shots + self._counters.unseen(shots)

    def running(self, now_ns: int) -> Shot | None:
        """Return the shot that the machine reports right now; None if no water flows.

        Args:
            now_ns: Nanoseconds since 1970.
        """
        if not self._connected:
            return None
        pour = self._flowing
        if pour is None or now_ns - pour.last_ns > _SILENCE_NS:
            return self._brewings.running(now_ns)
        return shot_of(pour, now_ns)

    def ended(self, now_ns: int) -> list[Shot]:
        """Return the shots that the machine reported and that do not run now, the newest first.

        The newest may run on later: pre-brewing stops the pump, or the connection was lost.

        Args:
            now_ns: Nanoseconds since 1970.
        """
        pour = self._flowing
        running = self.running(now_ns)
        last = [] if pour is None or running is not None else [shot_of(pour, now_ns)]
        brewed = self._brewings.shots(now_ns)
        if not brewed:
            return [*last, *reversed(self._flowed)]
        is_open = running is not None and running.generation != "v1"
        ended = [*last, *self._flowed, *(brewed[:-1] if is_open else brewed)]
        return sorted(ended, key=lambda shot: shot.order, reverse=True)

    def disconnect(self) -> None:
        """Note that nobody listens: until the machine reports water again, no shot is running."""
        self._connected = False

    def _add_newer(self, record: Record) -> None:
        values = values_in(record)
        if record.sender != "machine" or not (values or record.extra):
            return
        self._connected |= not WATER_NAMES.isdisjoint(values)
        self._brewings.add(record, values)
        if record.generation == "lion":
            self._cloud.add(record, values)
        self._counters.add(record.time_ns, values, record.generation)

    def _flow(self, record: Record) -> None:
        self._connected = True
        fields = record.fields
        key = _integer(fields.get("flow_key"))
        sample = Sample(
            record.time_ns,
            _number(fields.get("flow_seconds")),
            _integer(fields.get("flow_pulses")),
            _number(fields.get("coffee_temp")),
        )
        pour = self._flowing
        if pour is None or begins_another(pour.samples[-1], pour.key, sample, key):
            if pour is not None:
                self._flowed.append(shot_of(pour))
                self._unended += self._flowed[-1].cut
            pour = self._flowing = self._begin(record, Evidence.FLOW, key)
            self._count += 1
        pour.flow(sample, record.connection, self._values)
        self._bound(pour)

    def _bound(self, pour: Pour) -> None:
        if self._is_bounded and len(pour.samples) > MOST_SAMPLES:
            del pour.samples[1]  # the first one says when it began

    def _status(self, record: Record, fields: Mapping[str, Value]) -> None:
        bits = fields.get("heating_state")
        key = _integer(fields.get("key_active"))
        if bits is None and key is None:
            return
        wet = bool(key) or (isinstance(bits, list) and any(bit in bits for bit in _WATER_BITS))
        if not wet and self._flowing is not None and self._flowing.over_ns is None:
            self._flowing.over_ns = record.time_ns
        pour = self._seen
        if pour is not None and (not wet or (key or None) != pour.key):
            self._were_seen.append(shot_of(pour))
            pour = self._seen = None
        if wet:
            if pour is None:
                pour = self._seen = self._begin(record, Evidence.STATUS, key or None)
            pulses = _integer(fields.get("current_pulse_count"))
            sample = Sample(record.time_ns, None, pulses, _number(fields.get("coffee_temp")))
            pour.flow(sample, record.connection, self._values)
            self._bound(pour)
            pour.alongside(record, fields)

    def _begin(self, record: Record, evidence: Evidence, key: int | None) -> Pour:
        commanded = self._backflush_ns is not None and record.time_ns - self._backflush_ns < APART_NS
        return Pour(self._name, evidence, key, self._first_ns[record.connection], commanded=commanded)


def _among(shot: Shot, others: Iterable[Shot]) -> bool:
    """Return whether a shot lies within another, give or take a few seconds by which its end may be late."""
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
