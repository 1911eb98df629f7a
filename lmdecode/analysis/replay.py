"""The requests and answers of a recorded conversation, and how a machine's answers to them differ now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from lmdecode.codec.record import MASK, Kind, Record, Value
from lmdecode.codec.v1.memory_map import DERIVED, REGISTERS
from lmdecode.codec.v1.message import OK, Message
from lmdecode.codec.v1.redaction import touches_secret
from lmdecode.codec.v1.window import decode_window, registers_in


@dataclass(frozen=True, slots=True)
class Step:
    """A request of the app, and the machine's answer."""

    time_ns: int
    request: Message
    answer: Message | None
    """As recorded: without data or status if the machine echoed the request; None if it did not answer."""

    @property
    def secret(self) -> bool:
        """Whether the request touches the machine's cloud account."""
        return touches_secret(self.request.address, self.request.length)


class Verdict(StrEnum):
    """How an answer compares with the recorded one."""

    SAME = "same"
    VOLATILE = "volatile"
    """Different only in values that may differ."""
    DIFFERENT = "different"
    MISSING = "missing"
    WOULD_BE_SENT = "would be sent"
    """Of a request of a replay that only shows what it would do."""
    NOT_SENT = "not sent"


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A value that differs."""

    name: str
    old: Value | None
    """None if the bytes were no possible value."""
    new: Value | None


@dataclass(frozen=True, slots=True)
class ByteChange:
    """Bytes that differ, and that belong to no value that differs."""

    address: int
    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of one step with the machine's answer now."""

    verdict: Verdict
    changes: tuple[ValueChange, ...] = ()
    unexplained: tuple[ByteChange, ...] = ()
    note: str = ""
    """A remark, in words."""


def steps_of(records: Iterable[Record], is_wanted: Callable[[Record], bool] | None = None) -> tuple[list[Step], int]:
    """Return the requests of some records with their answers, and how many requests are too damaged to be sent.

    Args:
        records: In the order of time.
        is_wanted: Returns whether a request or its answer is wanted: then both are. It is asked for each record, in
            their order. None: all are.
    """
    requests: list[tuple[Record, Message]] = []
    answers: dict[int, Message] = {}  # by the identity of the request's record
    wanted: set[int] = set()  # likewise
    damaged = 0
    for record in records:
        message = _message(record)
        request = record if record.sender == "app" else record.request
        if request is not None and (is_wanted is None or is_wanted(record)):
            wanted.add(id(request))
        if record.sender == "app":
            if message is None:
                damaged += id(record) in wanted
            else:
                requests.append((record, message))
        elif record.request is not None and message is not None:
            answers[id(record.request)] = message
    steps = [
        Step(record.time_ns, message, answers.get(id(record))) for record, message in requests if id(record) in wanted
    ]
    return steps, damaged


def related_names(names: Iterable[str]) -> frozenset[str]:
    """Return some names with those of their parts, of the values they consist of, and of all that follows from them.

    >>> sorted(related_names(["clock"]))
    ['clock', 'day', 'dayofweek', 'hour', 'minute', 'month', 'second', 'year']
    """
    found = set(names)
    found.update(part for row in DERIVED if row.name in found and len(row.inputs) > 1 for part in row.inputs)
    wholes = [row for row in REGISTERS if row.name in found]
    found.update(
        part.name
        for whole in wholes
        for part in registers_in(whole.address, whole.size)
        if part.name and whole.address <= part.address and part.end <= whole.end
    )
    found.update(row.name for row in DERIVED if found.issuperset(row.inputs))
    return frozenset(found)


def compare(step: Step, answer: Message | None, ignored: frozenset[str] = frozenset()) -> Comparison:
    """Compare an answer with the recorded one.

    Args:
        step: The request and the recorded answer.
        answer: The answer now, in the form of `Step.answer`.
        ignored: The names of the values that may differ.

    >>> request = Message(Kind.READ, 0x401C, 2)
    >>> step = Step(0, request, request._replace(data=bytes.fromhex("03bc")))
    >>> compare(step, request._replace(data=bytes.fromhex("03bd"))).changes
    (ValueChange(name='coffee_temp', old=95.6, new=95.7),)
    """
    old = None if step.answer is None else step.answer.data
    new = None if answer is None else answer.data
    if old is None or new is None or len(old) != len(new):
        return _compare_kinds(step.answer, answer)
    if old == new:
        return Comparison(Verdict.SAME)
    address = step.request.address
    changes = _changed_values(address, old, new)
    unexplained = _unexplained(address, old, new, {change.name for change in changes})
    volatile = not unexplained and all(change.name in ignored for change in changes)
    return Comparison(Verdict.VOLATILE if volatile else Verdict.DIFFERENT, changes, unexplained)


def _compare_kinds(old: Message | None, new: Message | None) -> Comparison:
    """Compare two answers that do not both hold the same number of bytes."""
    if old is None and new is None:
        return Comparison(Verdict.SAME, note="no answer, as recorded")
    if new is None:
        return Comparison(Verdict.MISSING)
    if old is not None and (old.data, old.ok) == (new.data, new.ok):
        return Comparison(Verdict.SAME)
    return Comparison(Verdict.DIFFERENT, note=f"{_said(old)} recorded, now {_said(new)}")


def _message(record: Record) -> Message | None:
    """Return the message of a record; None if it cannot be sent or compared."""
    if record.kind is None or record.kind is Kind.STREAM or record.raw is not None:
        return None
    address, length = record.address or 0, record.length or 0
    if record.sender == "app" and (record.data is None) is not (record.kind is Kind.READ):
        return None
    data = None
    if record.data is not None:
        if MASK in record.data:
            return Message(record.kind, address, length)  # a masked secret cannot be compared
        data = bytes.fromhex(record.data)
        if record.sender == "app" and len(data) != length:
            return None
    status = None
    if record.ok is not None:
        status = OK if record.ok else (record.plaintext or "")[9:-2] or "?"
    return Message(record.kind, address, length, data, status)


def _changed_values(address: int, old: bytes, new: bytes) -> tuple[ValueChange, ...]:
    before, _ = decode_window(address, old)
    after, _ = decode_window(address, new)
    names = dict.fromkeys([*before, *after])
    return tuple(
        ValueChange(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    )


def _unexplained(address: int, old: bytes, new: bytes, names: set[str]) -> tuple[ByteChange, ...]:
    explained = {
        each for row in registers_in(address, len(old)) if row.name in names for each in range(row.address, row.end)
    }
    left = [
        index
        for index, (one, other) in enumerate(zip(old, new, strict=True))
        if one != other and address + index not in explained
    ]
    runs = ([index for _, index in run] for _, run in groupby(enumerate(left), key=lambda pair: pair[1] - pair[0]))
    return tuple(ByteChange(address + run[0], old[run[0] : run[-1] + 1], new[run[0] : run[-1] + 1]) for run in runs)


def _said(answer: Message | None) -> str:
    if answer is None:
        return "no answer"
    if answer.status is not None:
        return "OK" if answer.ok else f"a refusal ({answer.status})"
    return "an echo" if answer.data is None else f"{len(answer.data)} bytes"
