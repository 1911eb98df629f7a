"""Shots as the maker's cloud tells of them: pushed when they begin and end, and in its lists of past ones."""

# The cloud says three things, and none of them while water flows:
#  - the machine's status, "Brewing" with the time at which it began, in a push that comes 2 to 4 s late;
#  - the last coffee and the last flush, each with the time at which it ended, its seconds, its button and its dose. A
#    push has them anew when one has ended; the first push and every dashboard have those from before, too;
#  - a list of the last coffees, in the statistics.
# One coffee stands in all of them, and again in each push, with a time that may move by 1 ms. A machine that is heard
# in another way as well, by Bluetooth, has told of it with more: then only what is missing there is taken from here.
# The two clocks differ, so both the time of the end and the length must fit.
#
# The status alone is no shot that could be measured: without a last coffee nobody knows how long it took, and whether
# it was a flush. The cloud leaves the last coffee out after some reconnections.

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

from lmdecode.analysis.pour import Evidence, Shot, What
from lmdecode.codec.record import Kind, Record, Value
from lmdecode.codec.v1.values import is_number

_KEYS: Final[Mapping[str, int]] = {
    "DoseA": 1,
    "DoseB": 2,
    "DoseC": 3,
    "DoseD": 4,
    "Continuous": 5,
    "ContinuousDose": 5,
}
_UNITS: Final[Mapping[str, str | None]] = {"PulsesType": None, "MassType": "g", "BrewRatioType": "times the coffee"}
"""By the mode of a dose its unit; None is that of all doses. The other modes have no dose."""
_LISTS: Final[Mapping[str, What]] = {
    "lastCoffee": What.COFFEE,
    "lastCoffees": What.COFFEE,
    "lastFlush": What.FLUSH,
    "lastFlushes": What.FLUSH,
}
_FIELDS: Final[Mapping[str, What]] = {"last_coffee": What.COFFEE, "last_flush": What.FLUSH}
_MOVED_MS: Final = 2  # by which the time of one coffee moves between pushes
_SOON_NS: Final = 30_000_000_000  # in which a push tells of one that has just ended
_NEAR_NS: Final = 5_000_000_000  # by which the clocks of the cloud and of a capture may differ
_ALIKE: Final = 1.0  # s between two lengths of one shot
_MOST: Final = 100_000.0  # seconds, grams or pulses that can be meant
_LAST_MS: Final = 1e13  # milliseconds since 1970, in the year 2286
_DEEP: Final = 12  # levels of a document in which its lists are looked for


@dataclass(frozen=True, slots=True)
class _Entry:
    """A coffee or a flush that the cloud lists."""

    what: What
    end_ms: int
    seconds: float | None
    key: int | None = None
    dose: float | None = None
    dose_unit: str | None = None
    set_temp: float | None = None
    invalid: str | None = None
    """Why the cloud does not count it; "" if it does not say why; None if it counts."""

    @property
    def end_ns(self) -> int:
        return self.end_ms * 1_000_000

    @property
    def start_ns(self) -> int:
        return self.end_ns - round((self.seconds or 0.0) * 1e9)


class _Seen(NamedTuple):
    """An entry, and where it was first seen."""

    entry: _Entry
    connection: tuple[str | None, int]
    is_pushed: bool
    """Whether it was pushed just after it had ended."""
    set_temp: float | None = None
    """°C that were set for coffee then; only of one that was pushed."""


@dataclass(slots=True)
class _Live:
    """The machine's status was "Brewing"."""

    since_ns: int | None
    """When it began, as the cloud says."""
    heard_ns: int
    connection: tuple[str | None, int]
    ended_ns: int | None = None
    """When the status was first heard to be another."""

    @property
    def start_ns(self) -> int:
        return self.heard_ns if self.since_ns is None else self.since_ns

    def fits(self, entry: _Entry) -> bool:
        """Return whether an entry of the cloud's list can be this shot."""
        if self.since_ns is not None:
            return abs(entry.start_ns - self.since_ns) <= _NEAR_NS
        return self.heard_ns - 2 * _NEAR_NS <= entry.end_ns <= (self.ended_ns or self.heard_ns + _SOON_NS) + _NEAR_NS


class CloudShots:
    """The shots of one machine of which the cloud tells, while its records come.

    Args:
        machine: The machine's name.
        keep: Keep only the last so many; None keeps all.
    """

    def __init__(self, machine: str, keep: int | None = None) -> None:
        self.machine = machine
        self._keep = keep
        self._seen: dict[tuple[What, int], _Seen] = {}
        self._lives: list[_Live] = []
        self._values: dict[str, Value] = {}

    def add(self, record: Record, values: Mapping[str, Value]) -> None:
        """Take the next message of the cloud about the machine, with the values that hold from it on."""
        if "coffee_set_temp" in values:
            self._values["coffee_set_temp"] = values["coffee_set_temp"]
        self._status(record, values)
        text = record.plaintext or ""
        listed = (
            '"lastCoffee' in text
            or '"lastFlush' in text
            or any(name.rpartition(".")[2] in _LISTS for name in record.extra)
        )
        if not listed and not any(f"{name}_time" in values for name in _FIELDS):
            return
        document = _document(record)
        found = list(_listed(dict(record.extra) if document is None else document))
        if document is None:
            found += [entry for name, what in _FIELDS.items() if (entry := _of_fields(name, what, values))]
        for entry in found:
            self._note(record, entry)
        while self._keep is not None and len(self._seen) > self._keep:
            del self._seen[min(self._seen, key=lambda place: place[1])]

    def shots(self, known: Sequence[Shot], now_ns: int | None = None) -> list[Shot]:
        """Return these shots and those that only the cloud tells of.

        Args:
            known: The machine's shots that are known otherwise. Of one that the cloud lists too, what is missing is
                taken from there.
            now_ns: The time of the last record of all; nanoseconds since 1970.
        """
        if not self._seen and not self._lives:
            return list(known)
        joined = _Joined(known)
        lives = [live for live in self._lives if not joined.has_begun(live.start_ns)]
        for seen in sorted(self._seen.values(), key=lambda seen: seen.entry.end_ms):
            if not joined.take(seen.entry):
                live = next((live for live in lives if live.fits(seen.entry)), None)
                if live is not None:
                    lives.remove(live)
                joined.more.append(self._shot(seen, live))
        joined.more += [self._unfinished(live, now_ns) for live in lives]
        return [*joined.known, *joined.more]

    def _status(self, record: Record, values: Mapping[str, Value]) -> None:
        status = values.get("machine_status")
        since_ns = _nanoseconds(values.get("brewing_since"))
        if status is None and since_ns is None:
            return
        live = self._lives[-1] if self._lives and self._lives[-1].ended_ns is None else None
        if status == "Brewing" or since_ns is not None:
            if live is not None and since_ns is not None and live.since_ns is not None:
                if abs(since_ns - live.since_ns) > _NEAR_NS:
                    live.ended_ns = min(since_ns, record.time_ns)
                    live = None
            elif live is not None:
                live.since_ns = since_ns if live.since_ns is None else live.since_ns
            if live is None and not any(since_ns is not None and each.since_ns == since_ns for each in self._lives):
                self._lives.append(_Live(since_ns, record.time_ns, record.connection))
                if self._keep is not None:
                    del self._lives[: -self._keep]
        elif live is not None:
            live.ended_ns = record.time_ns

    def _note(self, record: Record, entry: _Entry) -> None:
        moved = range(entry.end_ms - _MOVED_MS, entry.end_ms + _MOVED_MS + 1)
        place = next((place for each in moved if (place := (entry.what, each)) in self._seen), None)
        if place is not None:
            before = self._seen[place]
            if _says(entry) > _says(before.entry):  # the statistics say more than the push
                self._seen[place] = before._replace(entry=entry)
            return
        is_pushed = record.kind is Kind.STREAM and abs(record.time_ns - entry.end_ns) <= _SOON_NS
        set_temp = _number(self._values.get("coffee_set_temp")) if is_pushed else None
        self._seen[entry.what, entry.end_ms] = _Seen(entry, record.connection, is_pushed, set_temp)

    def _shot(self, seen: _Seen, live: _Live | None) -> Shot:
        entry = seen.entry
        notes = []
        if entry.invalid is not None:
            notes.append(f"the cloud does not count it{f': {entry.invalid}' if entry.invalid else ''}")
        connection = seen.connection if live is None else live.connection
        return self._made(
            connection,
            what=entry.what,
            evidence=Evidence.PUSH if seen.is_pushed or live is not None else Evidence.HISTORY,
            key=entry.key or None,
            start_ns=entry.start_ns,
            end_ns=entry.end_ns,
            seconds=entry.seconds,
            dose=entry.dose,
            dose_unit=entry.dose_unit,
            set_temp=entry.set_temp if entry.set_temp is not None else seen.set_temp,
            notes=tuple(notes),
        )

    def _unfinished(self, live: _Live, now_ns: int | None) -> Shot:
        what = "the cloud does not say what it was and how long it took"
        if live.ended_ns is None:
            running = now_ns is not None and now_ns - live.heard_ns <= _SOON_NS
            end = "it was still running when the capture ended" if running else "no message says that it ended"
            note = f"cut off: {end}, so it may have been a shot or a flush"
        else:
            note = f"{what}: its end is when the push came, which is some seconds late"
        return self._made(
            live.connection,
            what=What.UNKNOWN,
            evidence=Evidence.PUSH,
            start_ns=live.start_ns,
            end_ns=max(live.ended_ns or live.heard_ns, live.start_ns),
            cut=live.ended_ns is None,
            notes=(note,),
        )

    def _made(self, connection: tuple[str | None, int], **known: object) -> Shot:
        capture, stream = connection
        shot = Shot(
            machine=self.machine,
            streams=(stream,),
            captures=() if capture is None else (capture,),
            what=What.UNKNOWN,
            evidence=Evidence.PUSH,
            generation="lion",
        )
        return replace(shot, **known)  # type: ignore[arg-type]  # they are the names of a Shot


class _Joined:
    """Shots that are known otherwise, to be found by when they began."""

    def __init__(self, known: Sequence[Shot]) -> None:
        self.known = sorted(known, key=lambda shot: shot.order)
        self.more: list[Shot] = []
        self._orders = [shot.order for shot in self.known]
        self._taken: set[int] = set()

    def has_begun(self, start_ns: int) -> bool:
        """Return whether one began at a time."""
        return any(self.known[index].start_ns is not None for index in self._around(start_ns))

    def take(self, entry: _Entry) -> bool:
        """Return whether an entry is one of them, and take what only the entry has."""
        fitting = [
            index
            for index in self._around(entry.start_ns if entry.seconds is not None else None, entry.end_ns)
            if index not in self._taken and _is_same(self.known[index], entry)
        ]
        if not fitting:
            return False
        index = min(fitting, key=lambda index: abs((self.known[index].start_ns or 0) - entry.start_ns))
        self._taken.add(index)
        self.known[index] = _completed(self.known[index], entry)
        return True

    def _around(self, start_ns: int | None, end_ns: int = 0) -> range:
        first = end_ns - 36 * _NEAR_NS if start_ns is None else start_ns - 2 * _NEAR_NS
        last = end_ns if start_ns is None else start_ns + 2 * _NEAR_NS
        return range(bisect_left(self._orders, first), bisect_right(self._orders, last))


def _is_same(shot: Shot, entry: _Entry) -> bool:
    if shot.what not in {entry.what, What.UNKNOWN} or shot.start_ns is None or shot.end_ns is None:
        return False
    if shot.cut:
        return abs(shot.start_ns - entry.start_ns) <= _NEAR_NS and shot.end_ns <= entry.end_ns + _NEAR_NS
    alike = None in {shot.seconds, entry.seconds} or abs((shot.seconds or 0) - (entry.seconds or 0)) <= _ALIKE
    return alike and abs(shot.end_ns - entry.end_ns) <= _NEAR_NS


def _completed(shot: Shot, entry: _Entry) -> Shot:
    found = replace(
        shot,
        dose=shot.dose if shot.dose is not None else entry.dose,
        dose_unit=shot.dose_unit if shot.dose is not None else entry.dose_unit,
        set_temp=shot.set_temp if shot.set_temp is not None else entry.set_temp,
    )
    if not shot.cut or entry.seconds is None or shot.start_ns is None:
        return found
    notes = tuple(note for note in shot.notes if not note.startswith("cut off"))
    return replace(
        found,
        what=entry.what,
        cut=False,
        seconds=entry.seconds,
        end_ns=shot.start_ns + round(entry.seconds * 1e9),
        notes=(*notes, "its end is not in the capture: it is from the cloud's list"),
    )


def _of_fields(name: str, what: What, values: Mapping[str, Value]) -> _Entry | None:
    """Return the entry of the fields, where the document itself cannot be read."""
    end_ns = _nanoseconds(values.get(f"{name}_time"))
    if end_ns is None:
        return None
    mode = values.get(f"{name}_mode")
    dose = _number(values.get(f"{name}_dose"))
    key = values.get(f"{name}_key")
    return _Entry(
        what,
        end_ns // 1_000_000,
        _number(values.get(f"{name}_seconds")),
        key if isinstance(key, int) and not isinstance(key, bool) else None,
        dose if dose and mode in _UNITS else None,
        _UNITS.get(mode) if isinstance(mode, str) and dose else None,
        _number(values.get(f"{name}_set_temp")),
        str(values.get(f"{name}_invalid_reason", "")) if values.get(f"{name}_valid") is False else None,
    )


def _document(record: Record) -> object:
    """Return the whole document, for the fields of a push are only what is new in it; None if it cannot be read."""
    try:
        return json.loads(record.plaintext or "")
    except (ValueError, RecursionError):
        return None


def _listed(value: object, depth: int = 0) -> Iterator[_Entry]:
    """Yield all entries in a document, wherever they stand."""
    if depth > _DEEP:
        return
    if isinstance(value, list):
        for each in value:
            yield from _listed(each, depth + 1)
    elif isinstance(value, dict):
        for name, each in value.items():
            what = _LISTS.get(str(name).rpartition(".")[2])
            if what is None:
                yield from _listed(each, depth + 1)
                continue
            for item in each if isinstance(each, list) else [each]:
                if isinstance(item, dict) and (entry := _entry(what, item)) is not None:
                    yield entry


def _entry(what: What, item: Mapping[str, object]) -> _Entry | None:
    end = _number(item.get("time"), _LAST_MS)
    if end is None:
        return None
    mode, index = item.get("doseMode"), item.get("doseIndex")
    dose = _number(item.get("doseValue")) if isinstance(mode, str) and mode in _UNITS else None
    reason = item.get("invalidReason")
    invalid = (reason if isinstance(reason, str) else "") if item.get("valid") is False else None
    return _Entry(
        what,
        round(end),
        _number(item.get("extractionSeconds")),
        _KEYS.get(index) if isinstance(index, str) else None,
        dose or None,  # a machine that measures nothing says 0
        _UNITS.get(mode) if dose and isinstance(mode, str) else None,
        _number(item.get("targetTemperature")),
        invalid,
    )


def _says(entry: _Entry) -> int:
    """Return how much an entry says."""
    known = (entry.seconds, entry.key, entry.dose, entry.set_temp, entry.invalid)
    return sum(each is not None for each in known)


def _number(value: object, most: float = _MOST) -> float | None:
    """Return a number that can be meant; None for anything else."""
    if not isinstance(value, bool | int | float) or not is_number(value):
        return None
    return value if 0 <= value <= most else None


def _nanoseconds(value: Value | None) -> int | None:
    """Return a field's time as nanoseconds since 1970; None if the value is not a time."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return round(moment.timestamp() * 1000) * 1_000_000
