"""How a machine's answers compare with recorded ones, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from lmdecode.codec.record import MASK, Record, Value, iso_time
from lmdecode.codec.v1.memory_map import UNITS
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.redaction import touches_secret
from lmdecode.render.sentence import PARTS_OF, REPEATED, value_text, verb_and_object

_WHAT_WIDTH = 26


def heading(time_ns: int, request: Message, verdict: str) -> str:
    """The line of a request: when it was recorded (in this computer's zone), what it asks for, what came of it.

    >>> from lmdecode.codec.v1.message import Kind
    >>> heading(0, Message(Kind.READ, 0x401C, 4), "same")[13:]
    'read temperatures          same'
    """
    when = datetime.fromtimestamp(time_ns // 1_000_000_000).astimezone()
    verb, what = verb_and_object(Record(0, 0, "app", "", "", request.kind, "request", request.address, request.length))
    return f"{when:%H:%M:%S}.{time_ns // 1_000_000 % 1000:03} {f'{verb} {what}':<{_WHAT_WIDTH}} {verdict}"


def telling(names: Iterable[str]) -> list[str]:
    """Of the names of changed values those that say it all: a time of day, not its hour as well."""
    names = list(names)
    hidden = REPEATED.union(*(PARTS_OF.get(name, ()) for name in names))
    return [name for name in names if name not in hidden] or names


def value_change_text(name: str, old: Value | None, new: Value | None) -> str:
    """A value that is another.

    >>> value_change_text("coffee_temp", 95.6, 97)
    'coffee_temp 95.6 °C → 97 °C'
    >>> value_change_text("heating_state", ["pump_on", "heating_on"], ["heating_on", "coffee_heater_on"])
    'heating_state −pump_on +coffee_heater_on'
    """
    if isinstance(old, list) and isinstance(new, list):
        gone, come = ([each for each in one if each not in other] for one, other in ((old, new), (new, old)))
        return " ".join([name, *(f"−{each}" for each in gone), *(f"+{each}" for each in come)])
    before, after = ("no value" if value is None else value_text(name, value) for value in (old, new))
    return f"{name} {before} → {after}"


def byte_text(address: int, old: bytes, new: bytes) -> str:
    """Bytes that are others, and that nobody can name.

    >>> byte_text(0x4020, bytes(1), bytes([2]))
    '0x4020 00 → 02'
    """
    return f"0x{address:04X} {_digits(address, old, ' ')} → {_digits(address, new, ' ')}"


def json_entry(
    time_ns: int,
    request: Message,
    verdict: str,
    *,
    note: str,
    changes: Sequence[tuple[str, Value | None, Value | None]],
    unexplained: Sequence[tuple[int, bytes, bytes]],
) -> dict[str, object]:
    """The same for programs; a note only where there is one."""
    entry: dict[str, object] = {
        "time": iso_time(time_ns),
        "kind": request.kind.value,
        "address": request.address,
        "length": request.length,
        "verdict": verdict,
        "changes": [{"name": name, "old": old, "new": new, "unit": UNITS.get(name)} for name, old, new in changes],
        "unexplained": [
            {"address": address, "old": _digits(address, old), "new": _digits(address, new)}
            for address, old, new in unexplained
        ],
    }
    return entry | ({"note": note} if note else {})


def _digits(address: int, data: bytes, between: str = "") -> str:
    pairs = (MASK if touches_secret(address + index, 1) else f"{byte:02x}" for index, byte in enumerate(data))
    return between.join(pairs)
