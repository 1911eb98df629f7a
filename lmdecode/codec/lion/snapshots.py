"""What is new in each push of the cloud: every one has all of a machine, though one value changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple, TypeGuard

from lmdecode.codec.record import Value
from lmdecode.codec.vocabulary import Reading

_MOST: Final = 64  # destinations, of which a machine has two
_LARGEST: Final = 1 << 18  # bytes of a push that is remembered; one has 3,000 to 10,000
_TOGETHER: Final = ("last_coffee_", "last_flush_")
"""The beginnings of names that tell of one event: if one of them is new, all are, though some have the same value."""
_SAME_MS: Final = 2  # the time of the last coffee moves by 1 ms from push to push


class _Snapshot(NamedTuple):
    fields: Mapping[str, Value]
    extra: Mapping[str, object]
    codes: frozenset[str]


class Snapshots:
    """Remembers the last push of each destination."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, _Snapshot] = OrderedDict()

    def changes(
        self, destination: str, reading: Reading, codes: frozenset[str], *, size: int = 0, is_whole: bool = True
    ) -> Reading:
        """Return what a push says that the one before it did not say.

        Args:
            destination: Whose push it is.
            reading: What it says.
            codes: The widgets that it shows.
            size: Its bytes. One that is far too large is not remembered, so that a stranger cannot fill the memory.
            is_whole: Whether all of it could be read. What one that is cut off does not say has not changed.

        Returns:
            The first push of a destination as it is. Of a later one what is new or differs, and in `extra` under
            `goneWidgets` which widgets are shown no more.
        """
        last = self._last.pop(destination, None)
        if size > _LARGEST or len(destination) > _LARGEST // 100:
            return reading
        if last is None:
            self._keep(destination, _Snapshot(reading.fields, reading.extra, codes))
            return reading
        fields = {name: each for name, each in reading.fields.items() if not _same(last.fields.get(name), each)}
        extra = {
            name: each
            for name, each in reading.extra.items()
            if name not in last.extra or not _same(last.extra[name], each)
        }
        for beginning in _TOGETHER:
            if any(name.startswith(beginning) for name in fields):
                fields = {
                    name: each for name, each in reading.fields.items() if name in fields or name.startswith(beginning)
                }
        # A time that moved by a little stays as it was first seen, or many little moves would add up unseen.
        now_fields = {name: each if name in fields else last.fields[name] for name, each in reading.fields.items()}
        now_extra = {name: each if name in extra else last.extra[name] for name, each in reading.extra.items()}
        if not is_whole:
            now_fields, now_extra = {**last.fields, **now_fields}, {**last.extra, **now_extra}
            codes |= last.codes
        if gone := sorted(last.codes - codes):
            extra["goneWidgets"] = gone
        self._keep(destination, _Snapshot(now_fields, now_extra, codes))
        return Reading(fields, extra, reading.problems)

    def _keep(self, destination: str, snapshot: _Snapshot) -> None:
        self._last[destination] = snapshot
        if len(self._last) > _MOST:
            self._last.popitem(last=False)


def _same(one: object, other: object) -> bool:
    """Return whether two values are the same, times within the tolerance."""
    if one == other:
        return isinstance(one, bool) == isinstance(other, bool)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(each, other[name]) for name, each in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, str) and isinstance(other, str):
        moments = _milliseconds(one), _milliseconds(other)
        return None not in moments and abs((moments[0] or 0) - (moments[1] or 0)) <= _SAME_MS
    return _is_moment(one) and _is_moment(other) and abs(one - other) <= _SAME_MS


def _is_moment(value: object) -> TypeGuard[float]:
    """Return whether a number is one of milliseconds since 1970, of a year between 2001 and 2286."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 1e12 <= value < 1e13


def _milliseconds(text: str) -> int | None:
    if len(text) != len("2026-11-21T02:55:55.174Z") or text[10] != "T" or text[-1] != "Z":
        return None
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
