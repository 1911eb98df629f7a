"""What became of a setting, in words and as JSON."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Value
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.memory_map import UNITS
from lmdecode.codec.v1.message import build
from lmdecode.codec.v1.setting_change import SettingChange
from lmdecode.device.settings import Outcome, Result, State
from lmdecode.render.sentence import value_text

_NOT_KNOWN: Final = "not known"
_WORST_FIRST: Final = (State.UNKNOWN, State.NOT_TAKEN, State.NOT_SENT, State.DONE, State.UNCHANGED)


def old_to_new(changes: Sequence[SettingChange], before: Memory) -> list[str]:
    """What some changes change, a line each."""
    return [
        f"{_label(each)}: {_shown(each, each.value_in(before))} → {_shown(each, each.expected)}"
        if each.shown
        else f"{_label(each)}: {each.value}"
        for each in changes
    ]


def line_of(result: Result) -> str:
    """What became of a change."""
    each = result.change
    name, new = _label(each), _shown(each, each.expected)
    match result.state:
        case State.UNCHANGED:
            return f"{name}: already {new}; nothing was sent"
        case State.DONE if not each.shown:
            return f"{name} {each.value}: the machine said OK; there is nothing to be read back"
        case State.DONE:
            return f"{name}: {_shown(each, result.old)} → {_shown(each, result.found)}"
        case State.NOT_TAKEN:
            kept = f", the machine has {_shown(each, result.found)}" if each.shown else ""
            return f"{name}: {new} was not taken{kept}"
        case State.NOT_SENT:
            return f"{name}: {new} was not sent"
    had = "" if result.found is None else f"; read back, it had {_shown(each, result.found)}"
    return f"{name}: {new} was sent; whether the machine took it is not known{had}"


def _shown(each: SettingChange, value: Value | None) -> str:
    if value is None:
        return _NOT_KNOWN
    if isinstance(value, bool):
        return "on" if value else "off"
    return value_text(each.name, value)


def _label(each: SettingChange) -> str:
    """What changes: for a command, the register in which that shows."""
    return each.shown[0].name or each.name if each.name == "command" and each.shown else each.name


def as_dict(outcome: Outcome) -> Mapping[str, object]:
    """What became of some changes, for JSON."""
    states = [result.state for result in outcome.results]
    worst = next((state for state in _WORST_FIRST if state in states), State.DONE)
    return {
        "state": worst.value,
        "changes": [
            {
                "name": _label(result.change),
                "old": result.old,
                "new": result.change.expected,
                "read_back": result.found,
                "unit": UNITS.get(result.change.name),
                "state": result.state.value,
            }
            for result in outcome.results
        ],
        "sent": [build(message).decode("ascii") for message in outcome.sent],
    } | ({"complaint": outcome.complaint} if outcome.complaint else {})


@contextlib.contextmanager
def failures_as_json(wanted: bool) -> Iterator[None]:  # noqa: FBT001
    """Say what fails on stdout as well, as the object that scripts wait for."""
    try:
        yield
    except LmdecodeError as error:
        if wanted:
            text = json.dumps({"state": "failed", "complaint": str(error)}, ensure_ascii=False)
            sys.stdout.write(f"{text}\n")
        raise


def hex_or_unknown(data: bytes | None) -> str:
    """Bytes for people."""
    return _NOT_KNOWN if data is None else data.hex(" ")


def digits_or_none(data: bytes | None) -> str | None:
    """Bytes for JSON."""
    return None if data is None else data.hex()
