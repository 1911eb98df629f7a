"""A Record in words: who did what, and the values that say something new. For the table and for Wireshark alike."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, cast

from lmdecode.analysis.units import unit_of
from lmdecode.codec.printable import printable
from lmdecode.codec.record import Kind, Record, Value
from lmdecode.codec.v1.memory_map import DERIVED, REGISTERS
from lmdecode.codec.v1.register import Redundancy
from lmdecode.codec.v1.window import registers_in
from lmdecode.codec.v1.windows import window_name


def value_text(name: str, value: Value) -> str:
    """Returns a value with its unit.

    >>> value_text("coffee_temp", 95.6)
    '95.6 °C'
    >>> value_text("heating_state", [])
    'none'
    """
    text = _plain(value)
    unit = unit_of(name)
    return f"{text} {unit}" if unit else text


def _plain(value: Value) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float() if abs(value) >= _GREAT:
            return f"{value:g}"  # no machine means it, and nobody reads 300 digits
        case float():
            tenths = f"{value:.1f}"  # as the machine's numbers are, except for a few that are computed from them
            return tenths if float(tenths) == value else f"{value:.4f}".rstrip("0")
        case list():
            return ", ".join(value) or "none"
        case str():
            return printable(value) or '""'
        case _:
            return str(value)


REPEATED: Final[Mapping[str, tuple[str, ...]]] = {
    row.name: row.inputs for row in DERIVED if row.redundancy is Redundancy.PART
}
"""The names of values that repeat a part of another value, each with the names of those that they repeat."""
_REPEATED: Final = frozenset(REPEATED)
PARTS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    row.name: row.inputs for row in DERIVED if row.redundancy is Redundancy.WHOLE
} | {
    whole.name: tuple(
        part.name
        for part in REGISTERS
        if part.name and part.size < whole.size and whole.address <= part.address < whole.end
    )
    for whole in REGISTERS
    if whole.name
}
"""By the name of a value that includes others: the names of those."""

_LEAST_OF_A_PATH: Final = 6  # characters that say something
_GREAT: Final = 1e15
_SHOWN_DIGITS: Final = 128  # of data that nobody can name, and of a frame that does not decrypt


def verb_and_object(record: Record) -> tuple[str, str]:
    """Returns what a record is about: "read" and "temperatures"; of one with a subject: "" and the subject."""
    is_window = record.address is not None and record.length is not None
    if record.kind is None or (record.subject is None and not is_window):
        return ("gap", "") if record.raw is None else ("?", "not decoded")
    if record.subject is not None:  # it says itself what is done
        return "", printable(record.subject)
    verb: str = record.kind
    if record.role == "report" and record.kind is Kind.READ:
        verb = "report"
    elif record.role == "response":
        verb = {None: "answer", True: "took", False: "refused"}[record.ok]
    return verb, _window(cast("int", record.address), cast("int", record.length))


def summary(fields: Mapping[str, Value]) -> Iterable[tuple[str, str]]:
    """Yields the fields that add something, with their units: a whole clock, but not its seven parts too.

    >>> list(summary({"heating_state": ["pump_on"], "pump_on": True, "coffee_temp": 95.6}))
    [('heating_state', 'pump_on'), ('coffee_temp', '95.6 °C')]
    """
    hidden = _repeated(fields).union(*(PARTS_OF.get(name, ()) for name in fields))
    for name, value in fields.items():
        if name in hidden:
            continue
        if name.endswith("_on_time") and (off := f"{name[:-8]}_off_time") in fields:
            yield name[:-8], f"{value}–{fields[off]}"
        elif not (name.endswith("_off_time") and f"{name[:-9]}_on_time" in fields):
            yield name, value_text(name, value)


def json_text(value: object) -> str:
    """Returns a value that no table explains, whole, as the maker's programs write it.

    >>> json_text({"allarm": True})
    '{"allarm":true}'
    """
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def short_subject(subject: str, room: int) -> str:
    """Returns a subject in so many characters: a path is cut at its beginning, anything else at its end.

    A path is cut before one of its parts, if a word is left of it: `1` alone says nothing.

    >>> short_subject("MESSAGE /ws/sn/MR012345/dashboard", 21), short_subject("GET /api/v1/config", 21)
    ('MESSAGE …/dashboard', 'GET /api/v1/config')
    >>> short_subject("200 POST /things/MR012345/command/CoffeeMachineChangeMode", 21)
    '200 POST …eChangeMode'
    """
    if len(subject) <= room:
        return subject
    before, slash, path = subject.partition(" /")
    if slash:
        pieces = path.partition("?")[0].split("/")
        for index in range(1, len(pieces)):
            rest = "/".join(pieces[index:])
            short = f"{before} …/{rest}"
            if len(short) <= room and not rest.isdigit():
                return short
        left = room - len(before) - 2
        if left >= _LEAST_OF_A_PATH:
            return f"{before} …{'/'.join(pieces)[-left:]}"
    return f"{subject[: room - 1]}…"


def _repeated(fields: Mapping[str, Value]) -> frozenset[str]:
    """Returns the names of values that repeat another that is there, too; what newer generations say alone is new."""
    found = _REPEATED.intersection(fields)
    return found if not found else frozenset(name for name in found if not fields.keys().isdisjoint(REPEATED[name]))


def sentences(record: Record) -> Iterator[str]:
    """Yields a record as lines of text: what it says, then each of its problems behind a `!`."""
    yield printable(_headline(record))
    for problem in record.problems:
        yield f"! {printable(problem)}"
    if record.raw is not None:
        yield f"! as captured: {_shortened(_raw_text(record.raw))}"


def _headline(record: Record) -> str:
    verb, what = verb_and_object(record)
    if record.kind is None:
        return f"{record.sender}: {_shortened(record.plaintext or what or verb)}"
    subject = " ".join(filter(None, (record.sender, verb, what)))
    if record.fields or record.extra:
        others = (f"{name} {json_text(value)}" for name, value in record.extra.items())
        return f"{subject}: {', '.join((*_assignments(record.fields), *others))}"
    if record.subject is not None and record.plaintext:
        # A question has nothing to say but what it asks for, which is its subject already.
        return subject if subject.endswith(f" {record.plaintext}") else f"{subject}: {_shortened(record.plaintext)}"
    if record.data is not None:
        return f"{subject}: {_shortened(record.data)}"
    if record.plaintext is not None and (record.ok is False or record.subject is not None):
        return f"{subject}: {_shortened(record.plaintext)}"
    return subject


def _assignments(fields: Mapping[str, Value]) -> Iterator[str]:
    for name, text in summary(fields):
        yield f"{name} ({text})" if ", " in text else f"{name} {text}"  # a list within the list


def _window(address: int, length: int) -> str:
    """Returns the name of the window; without one the first register in it; without that the preamble."""
    if name := window_name(address, length):
        return name
    names = [row.name for row in registers_in(address, length) if row.name is not None]
    if not names or not length:
        return f"{address:04X}{length:04X}"
    return names[0] if len(names) == 1 else f"{names[0]}…"


def _raw_text(raw: bytes) -> str:
    text = raw[:_SHOWN_DIGITS].decode("latin-1")
    readable = text.isascii() and text.isprintable()
    return text + "…" * (len(raw) > len(text)) if readable else raw.hex()


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_DIGITS + 1 else f"{text[:_SHOWN_DIGITS]}… ({len(text)} characters)"
