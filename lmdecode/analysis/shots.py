"""The shots and the hot water in a conversation, found in the messages that the machine pushes while water flows.

What is not in these messages is taken from others, as far as there are any: what was set, what the water was for, and
water of which no such message came, because it fell out of the capture or no app was there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from lmdecode.analysis.known_values import Known, is_trustworthy, machine_of
from lmdecode.analysis.pour import APART_NS, Draw, begins_another, ended_draw
from lmdecode.analysis.shot import Evidence, Sample, Shot
from lmdecode.analysis.shot_counters import ShotCounters
from lmdecode.codec.record import Record
from lmdecode.codec.v1.message import Kind
from lmdecode.codec.v1.values import Value, is_number

__all__ = ["ShotFinder", "find_shots"]

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
