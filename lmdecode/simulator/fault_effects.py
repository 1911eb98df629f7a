"""What a fault makes of an answer: bytes to send, and what happens before and after."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.framing import wrap
from lmdecode.codec.v1.key import Key, encrypt
from lmdecode.codec.v1.message import ADDRESS_SPACE, Message, build
from lmdecode.simulator.faults import Fault
from lmdecode.simulator.machine import REFUSED

_ANOTHER: Final = 0x0100  # addresses by which a wrong preamble is off


class Then(Enum):
    """What happens to the connection after an answer."""

    GO_ON = "go on"
    MUTE = "mute"
    CLOSE = "close"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An answer as it leaves."""

    data: bytes
    delay: float = 0.0
    """Seconds to wait before."""
    then: Then = Then.GO_ON


def frame(key: Key, message: Message) -> bytes:
    """A message as it is on the wire."""
    return wrap(encrypt(key, build(message)))


def other_key(key: Key) -> Key:
    """A key that is not this one."""
    return Key(bytes(byte ^ 0x5A for byte in key.secret))


def outgoing(answer: Message, key: Key, fault: Fault | None, rng: random.Random) -> Outgoing:
    """What leaves instead of an answer if there is a fault, else the answer."""
    if fault is None or (fault.name == "no-ok" and answer.kind is not Kind.WRITE):
        return Outgoing(frame(key, answer))
    return _MISBEHAVIOUR[fault.name](answer, key, fault, rng)


def _garbage(_answer: Message, _key: Key, _fault: Fault, rng: random.Random) -> Outgoing:
    return Outgoing(rng.randbytes(rng.randrange(1, 96)) + rng.choice([b"", b"@", b"%", b"@!%", b"@AAAA%"]))


def _half(answer: Message, key: Key, _fault: Fault, _rng: random.Random) -> Outgoing:
    whole = frame(key, answer)
    return Outgoing(whole[: len(whole) // 2], then=Then.MUTE)


def _wrong_check(answer: Message, key: Key, _fault: Fault, _rng: random.Random) -> Outgoing:
    plaintext = build(answer)
    return Outgoing(wrap(encrypt(key, b"%b%02X" % (plaintext[:-2], int(plaintext[-2:], 16) ^ 0x01))))


def _wrong_preamble(answer: Message, key: Key, _fault: Fault, _rng: random.Random) -> Outgoing:
    address = (answer.address + _ANOTHER) % (ADDRESS_SPACE - answer.length)
    return Outgoing(frame(key, answer._replace(address=address)))


_MISBEHAVIOUR: Final[Mapping[str, Callable[[Message, Key, Fault, random.Random], Outgoing]]] = {
    "delay": lambda answer, key, fault, _: Outgoing(frame(key, answer), delay=fault.argument),
    "drop": lambda *_: Outgoing(b""),
    "garbage": _garbage,
    "half": _half,
    "reset": lambda *_: Outgoing(b"", then=Then.RESET),
    "close": lambda *_: Outgoing(b"", then=Then.CLOSE),
    "wrong-check": _wrong_check,
    "wrong-preamble": _wrong_preamble,
    "wrong-key": lambda answer, key, *_: Outgoing(frame(other_key(key), answer)),
    "no-ok": lambda answer, key, *_: Outgoing(frame(key, answer._replace(status=REFUSED))),
}
