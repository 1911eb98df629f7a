"""The faults of a simulated machine over Bluetooth: what each hits, and what it makes of a value."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Final

from lmdecode.simulator.faults import On

FAULTS: Final[Mapping[str, tuple[On, str]]] = {
    "delay": (On.ANSWER, "answer a read late, delay=2 after two seconds"),
    "drop": (On.ANSWER, "never answer a read"),
    "error": (On.ANSWER, "answer a read with an error of ATT"),
    "empty": (On.ANSWER, "answer with an empty value"),
    "half": (On.ANSWER, "answer with the first 20 bytes, as a small MTU cuts a value"),
    "garbage": (On.ANSWER, "answer with bytes that are no JSON"),
    "rest": (On.ANSWER, "answer with the rest of a longer answer behind the NUL"),
    "text": (On.ANSWER, 'answer true and false as text: "true"'),
    "close": (On.ANSWER, "end the link instead of an answer"),
    "no-ok": (On.WRITE, "refuse a command (status error), and do not do it"),
    "lie": (On.WRITE, "say that a command was done, and do not do it"),
    "unconfirmed": (On.WRITE, "do what a command says, and never confirm it"),
    "late": (On.WRITE, "confirm a command late, late=2 after two seconds"),
    "write-error": (On.WRITE, "answer the write of a command with an error of ATT, and do not do it"),
    "lost-before": (On.WRITE, "end the link instead of taking a command"),
    "lost-after": (On.WRITE, "take a command, and end the link instead of saying so"),
    "no-token": (On.TOKEN, "do not accept the token"),
    "late-token": (On.TOKEN, "accept the token late, late-token=0.3 after 0.3 seconds"),
    "mute": (On.STREAM, "do not notify; mute:3 leaves out three notifications"),
    "double": (On.STREAM, "notify twice"),
    "half-event": (On.STREAM, "notify the first 20 bytes only"),
    "garbage-event": (On.STREAM, "notify bytes that are no JSON"),
    "flood": (On.STREAM, "notify a hundred times instead of once"),
    "busy": (On.CONNECTION, "end a new link at once"),
    "never": (On.CONNECTION, "take a new link, and say nothing on it"),
    "held": (On.STATE, "be held by another app: not advertise, take no link"),
    "no-events": (On.STATE, "be an older gateway, from the next link on: no notifications, answers without NUL"),
    "old-gateway": (On.STATE, "be a gateway v3, from the next link on: only the characteristics that it had"),
}
"""For each fault what it hits, and what it does."""

CUT_AT: Final = 20
"""Bytes of a value that fit in the smallest MTU, beside opcode and handle."""
FLOOD: Final = 100


def answer_with(fault: str, value: bytes, before: bytes, rng: random.Random) -> bytes:
    """Returns what is read instead of an answer.

    Args:
        fault: One of those that hit an answer; one that changes no value is none.
        value: The answer.
        before: The answer before it, which a buffer may still have.
        rng: Decides what is random.
    """
    effect = _ON_VALUES.get(fault)
    return value if effect is None else effect(value, before, rng)


def _rest(value: bytes, before: bytes, rng: random.Random) -> bytes:
    whole = value.rstrip(b"\0") + b"\0"
    return whole + (before[len(whole) :] or rng.choice([b'":true}]\0', b"ode\0", b"\0\0\0"]))


def _garbage(_value: bytes, _before: bytes, rng: random.Random) -> bytes:
    return rng.choice([b"\xff", b"{", b"[}", b"nothing", b"\0", b'"', b'{"id":']) + rng.randbytes(rng.randrange(24))


_ON_VALUES: Final[Mapping[str, Callable[[bytes, bytes, random.Random], bytes]]] = {
    "empty": lambda *_: b"",
    "half": lambda value, *_: value[:CUT_AT],
    "garbage": _garbage,
    "rest": _rest,
}


def events_with(fault: str | None, value: bytes, rng: random.Random) -> list[bytes]:
    """Returns what is notified instead of a notification; the notification if there is no fault."""
    match fault:
        case "mute":
            return []
        case "double":
            return [value, value]
        case "half-event":
            return [value[:CUT_AT]]
        case "garbage-event":
            return [_garbage(value, b"", rng)]
        case "flood":
            return [value] * FLOOD
    return [value]
