"""Changes of named values, of the generations that speak of names and not of addresses."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from lmdecode.analysis.memory_history import is_intact, sets_something, values_in
from lmdecode.codec.record import Kind, Record, Value
from lmdecode.codec.v1.values import is_number

_REMEMBERED: Final = 3  # writes and requests that are kept with a change
_LONGEST_AFTER: Final = 60_000_000_000  # ns after a write in which a change may still be its effect
_FLOW_LASTS: Final = 3_000_000_000  # ns without an update, which comes about once a second while water flows
_PAUSE: Final = 30_000_000_000  # ns without a change; the next one starts a new run
_FEWEST: Final = 3  # changes that are worth to be put together
_MOST: Final = 5000  # names without a field that are followed
_DEEP: Final = 6  # levels of objects that are looked into
_LONGEST: Final = 2000  # characters of the value of such a name that are kept
_TICKS: Final = frozenset(("clock",))


class NamedChange(NamedTuple):
    """A value was seen to differ from the one before it, or a name without a field appeared."""

    name: str
    time_ns: int
    """When the new value was first seen: nanoseconds since 1970, UTC."""
    since_ns: int
    """When the old value was last seen; of a name that appeared, when its kind of message was last seen without it."""
    old: Value | None
    """None of a name that appeared."""
    new: Value
    record: Record
    """The message that showed it."""
    is_field: bool = True
    """Whether the name is a field; the value of any other is JSON text."""
    writes: tuple[Record, ...] = ()
    """The app's last writes before it, the latest last."""
    requests: tuple[Record, ...] = ()
    """The app's last requests of any kind before it, the latest last."""
    flowing: bool = False
    """Whether water flowed just before."""

    @property
    def written(self) -> bool:
        """Whether a write made it: the machine said that it took the value."""
        return self.record.kind is Kind.WRITE

    @property
    def ticks(self) -> bool:
        """Whether it changes all the time by itself."""
        return self.name in _TICKS


class NamedRun(NamedTuple):
    """Changes of one name that followed each other closely; often only one."""

    first: NamedChange
    last: NamedChange
    changes: int = 1
    least: Value | None = None
    """The smallest value between the first and the last change. None if only one changed, or if it is not a number."""
    most: Value | None = None


class NameHistory:
    """The named values of one machine over time. Feed it Records in the order in which they were captured.

    >>> history = NameHistory()
    >>> for second, degrees in enumerate((93.0, 93.0, 94.0)):
    ...     fields = {"coffee_set_temp": degrees}
    ...     record = Record(second, 0, "machine", "m", "a", Kind.READ, "response", fields=fields, generation="lion")
    ...     history.add(record)
    >>> [(change.name, change.old, change.new, change.since_ns) for change in history.changes]
    [('coffee_set_temp', 93.0, 94.0, 1)]
    """

    def __init__(self) -> None:
        self.changes: list[NamedChange] = []
        """All changes, in order."""
        self.values: dict[str, Value] = {}
        """The latest value of each field."""
        self.generations: dict[str, None] = {}
        """The protocols in which it was heard, in their order."""
        self.first_ns: int | None = None
        self.last_ns = 0
        self._seen: dict[tuple[str, bool], tuple[Value, int]] = {}  # by name: the last value, and when
        self._subjects: dict[str, int] = {}  # when each kind of message was last seen
        self._writes: deque[Record] = deque(maxlen=_REMEMBERED)
        self._requests: deque[Record] = deque(maxlen=_REMEMBERED)
        self._flow_ns = -_FLOW_LASTS

    @property
    def empty(self) -> bool:
        """Whether no message had any name."""
        return not self._seen

    def add(self, record: Record) -> None:
        """Take the next record of this machine. What is replayed after a subscription says nothing."""
        time_ns = record.time_ns
        if self.first_ns is None:
            self.first_ns = self.last_ns = time_ns
        self.last_ns = time_ns = max(time_ns, self.last_ns)
        self.generations.setdefault(record.generation)
        if record.sender == "app":
            self._ask(record)
            return
        if "flow_seconds" in record.fields:
            self._flow_ns = time_ns
        values = values_in(record)
        for name, value in values.items():
            self._note(time_ns, name, value, record, is_field=True)
        self.values.update(values)
        for path, each in _extra_of(record):
            self._note(time_ns, path, _text(each), record, is_field=False)
        if record.subject is not None and len(self._subjects) < _MOST:
            self._subjects[record.subject] = time_ns

    def _ask(self, request: Record) -> None:
        if request.kind is not None:
            self._requests.append(request)
            if sets_something(request):
                self._writes.append(request)

    def _note(self, time_ns: int, name: str, value: Value, record: Record, *, is_field: bool) -> None:
        before = self._seen.get((name, is_field))
        if before is None:
            since = self._subjects.get(record.subject or "")
            if not is_field and len(self._seen) >= _MOST:
                return
            if not is_field and since is not None:
                self.changes.append(self._change(time_ns, since, name, None, value, record, is_field=False))
        elif before[0] != value or isinstance(before[0], bool) is not isinstance(value, bool):
            self.changes.append(self._change(time_ns, before[1], name, before[0], value, record, is_field=is_field))
        self._seen[name, is_field] = value, time_ns

    def _change(  # noqa: PLR0917 -- in the order of a change
        self,
        time_ns: int,
        since_ns: int,
        name: str,
        old: Value | None,
        new: Value,
        record: Record,
        *,
        is_field: bool,
    ) -> NamedChange:
        settled = record.request
        writes = [each for each in self._writes if time_ns - each.time_ns <= _LONGEST_AFTER]
        if settled is not None and settled.kind is Kind.WRITE:  # the cloud says which command it was
            writes = [settled]
        elif any(each.time_ns > since_ns for each in writes):
            writes = [each for each in writes if each.time_ns > since_ns]
        else:
            writes = writes[-1:]
        asked = [each for each in self._requests if each is not record.request]
        flowing = time_ns - self._flow_ns <= _FLOW_LASTS
        if record.kind is not Kind.STREAM:  # what is pushed changes just then; anything else at any time since
            flowing |= self._flow_ns > since_ns
        return NamedChange(name, time_ns, since_ns, old, new, record, is_field, tuple(writes), tuple(asked), flowing)


def _extra_of(record: Record) -> Iterator[tuple[str, object]]:
    """Yield what a message of the machine says without a field, unless it only replays it."""
    if record.kind is Kind.WRITE or not is_intact(record) or record.extra.get("replay") is True:
        return
    for path, value in record.extra.items():
        yield from _leaves(path, value)


def _leaves(path: str, value: object, depth: int = 0) -> Iterator[tuple[str, object]]:
    """Yield the members of an object, and of those in it, with their paths: one of many has changed."""
    if not isinstance(value, dict) or not value or depth >= _DEEP:
        yield path, value
        return
    for name, each in value.items():
        yield from _leaves(f"{path}.{name}", each, depth + 1)


def _text(value: object) -> str:
    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return "…"  # nested more deeply than anybody can read
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def grouped_names(changes: Iterable[NamedChange]) -> list[NamedRun]:
    """Put together changes of one number that follow each other closely. All others stay alone: each is an event."""
    runs: list[list[NamedChange]] = []
    open_runs: dict[str, list[NamedChange]] = {}
    for change in changes:
        moves = change.is_field and is_number(change.new) and is_number(change.old)
        run = open_runs.get(change.name) if moves else None
        if run is None or change.written or run[-1].written or change.time_ns - run[-1].time_ns > _PAUSE:
            run = []
            runs.append(run)
            if moves:
                open_runs[change.name] = run
        run.append(change)
    found = [each for run in runs for each in (_together(run) if len(run) >= _FEWEST else map(_alone, run))]
    return sorted(found, key=lambda run: run.first.time_ns)


def _alone(change: NamedChange) -> NamedRun:
    return NamedRun(change, change)


def _together(run: list[NamedChange]) -> Iterator[NamedRun]:
    numbers = [value for value in (run[0].old, *(change.new for change in run)) if is_number(value)]
    yield NamedRun(run[0], run[-1], len(run), min(numbers, default=None), max(numbers, default=None))


def model_in(values: Mapping[str, Value]) -> str | None:
    """Return the model as the machine names it; None if it did not."""
    model = values.get("model")
    return model if isinstance(model, str) and model else None
