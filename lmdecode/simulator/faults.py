"""Faults on demand: what a machine, or the network before it, can do wrong, when it happens, and what it does."""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Kind
from lmdecode.codec.v1.framing import wrap
from lmdecode.codec.v1.key import Key, encrypt
from lmdecode.codec.v1.message import ADDRESS_SPACE, Message, build
from lmdecode.simulator.machine import REFUSED


class On(Enum):
    """What a fault hits."""

    CONNECTION = "connection"
    ANSWER = "answer"
    WRITE = "write"
    """The answer to a write."""
    STREAM = "stream"
    """The beginning of a stream: what is said without a question."""
    EVENT = "event"
    """A text of a stream, or a notification."""
    TOKEN = "token"  # noqa: S105 -- the word
    """Whether a client may ask."""
    STATE = "state"
    """What the machine is as long as the fault is on; it is none of those that happen at random."""


FaultTable = Mapping[str, tuple[On, str]]
"""The faults of a generation: for each what it hits, and what it does."""

FAULTS: Final[FaultTable] = {
    "delay": (On.ANSWER, "answer late, delay=2 after two seconds"),
    "drop": (On.ANSWER, "give no answer"),
    "garbage": (On.ANSWER, "answer with bytes that are no frame"),
    "half": (On.ANSWER, "send half a frame, then nothing more on this connection"),
    "reset": (On.ANSWER, "reset the connection (RST) instead of an answer"),
    "close": (On.ANSWER, "close the connection instead of an answer"),
    "wrong-check": (On.ANSWER, "answer with a wrong check byte"),
    "wrong-preamble": (On.ANSWER, "answer as if another address had been asked for"),
    "wrong-key": (On.ANSWER, "answer under another key; without a number, report under it too"),
    "no-ok": (On.WRITE, "refuse a write, and do not do it"),
    "busy": (On.CONNECTION, "close a new connection at once"),
    "never": (On.CONNECTION, "take a new connection, and say nothing on it"),
}
"""The faults of v1."""
NEEDS_SECONDS: Final = frozenset(("delay", "late", "late-token"))
"""The faults that take a number of seconds, of any generation."""

_SPEC: Final = re.compile(r"(?P<name>[a-z-]+)(?:=(?P<argument>\d+(?:\.\d*)?|\.\d+))?(?::(?P<count>\d+))?\Z").match
_LONGEST_DELAY: Final = 3600.0
_RANDOM: Final = "random"
_RANDOM_DELAY: Final = 0.05  # s, of the delays in a random schedule: tests wait for each of them


class FaultError(LmdecodeError):
    """There is no such fault; one line that lists the faults."""

    exit_code = 2


@dataclass(slots=True)
class Fault:
    """A fault.

    >>> parse_fault("drop:3")
    Fault(name='drop', count=3, argument=0.0)
    """

    name: str
    count: int | None = None
    """How often it happens; None: until it is switched off."""
    argument: float = 0.0
    """Seconds of a delay; probability of a random fault."""

    def __str__(self) -> str:
        argument = f"={self.argument:g}" if self.argument else ""
        return f"{self.name}{argument}" + ("" if self.count is None else f":{self.count}")


def fault_list(table: FaultTable = FAULTS) -> list[tuple[str, str]]:
    """Returns what `parse_fault` takes: each name, and what it does.

    Args:
        table: The faults of the generation.

    >>> fault_list()[-1]
    ('random', 'one of the above now and then: random=0.3 for three answers or connections in ten')
    """
    listed = [(name, does) for name, (_, does) in table.items()]
    return [*listed, (_RANDOM, "one of the above now and then: random=0.3 for three answers or connections in ten")]


def parse_fault(text: str, table: FaultTable = FAULTS) -> Fault:
    """Returns the fault that a text names: `name`, `name:count`, `delay=seconds` or `random=probability`.

    Args:
        text: What people write.
        table: The faults of the generation.

    Raises:
        FaultError: The text is none of these.
    """
    match = _SPEC(text.strip().lower())
    if match is None or (match["name"] not in table and match["name"] != _RANDOM):
        raise FaultError(
            f"no fault {text[:40]!r}: give one of {', '.join(table)}, random=0.3; drop:3 is the next three"
        )
    name, argument, count = match["name"], match["argument"], match["count"]
    if (argument is not None) is not (name in NEEDS_SECONDS or name == _RANDOM):
        raise FaultError(f"{name} takes no =" if argument else f"{name} needs a number: {name}=0.5")
    number = float(argument or 0)
    if name == _RANDOM and number > 1:
        raise FaultError(f"the probability of random faults is 0 to 1, not {number:g}")
    if number > _LONGEST_DELAY:
        raise FaultError(f"a delay is at most {_LONGEST_DELAY:g} s, not {number:g}")
    if count is not None and (len(count) > 7 or not 1 <= int(count) <= 1_000_000):
        raise FaultError(f"{name}:{count[:7]}: give 1 to 1000000, or leave it out")
    return Fault(name, None if count is None else int(count), number)


class Faults:
    """Decides which fault happens next.

    Args:
        faults: The faults that are on from the start.
        seed: The seed of the random faults, to repeat them.
        in_turn: The faults of the next answers, one each, None for no fault: a schedule for tests. They come first.
        table: The faults of the generation.
    """

    def __init__(
        self,
        faults: Iterable[Fault] = (),
        *,
        seed: int = 0,
        in_turn: Iterable[Fault | None] = (),
        table: FaultTable = FAULTS,
    ) -> None:
        self.active = list(faults)
        self.table = table
        self.random = random.Random(seed)  # noqa: S311 -- it protects no secret
        self._in_turn = deque(in_turn)

    def add(self, fault: Fault) -> None:
        """Switches a fault on."""
        self.active.append(fault)

    def clear(self) -> None:
        """Switches all faults off."""
        self.active.clear()
        self._in_turn.clear()

    def for_connection(self) -> Fault | None:
        """Returns the fault of a connection that is made now."""
        return self._next({On.CONNECTION})

    def for_answer(self, kind: Kind) -> Fault | None:
        """Returns the fault of the answer to a request."""
        befalls = {On.ANSWER, On.WRITE} if kind is Kind.WRITE else {On.ANSWER}
        if self._in_turn:
            fault = self._in_turn.popleft()
            return fault if fault is not None and self.table[fault.name][0] in befalls else None
        return self._next(befalls)

    def befalling(self, *hit: On) -> Fault | None:
        """Returns the fault of something else that happens now.

        Args:
            hit: What it is; several if a fault of any of these hits it.
        """
        return self._next(set(hit))

    def argument_of(self, name: str) -> float | None:
        """Returns the number of a fault that is on and does not end; None if it is not on."""
        return next((fault.argument for fault in self.active if fault.name == name), None)

    @property
    def all_under_wrong_key(self) -> bool:
        """Whether the machine sends everything under another key, not just some answers."""
        return any(fault.name == "wrong-key" and fault.count is None for fault in self.active)

    def _next(self, befalls: set[On]) -> Fault | None:
        for fault in self.active:
            chosen: Fault | None = fault
            if fault.name == _RANDOM:
                chosen = self._any(befalls) if self.random.random() < fault.argument else None
            elif self.table[fault.name][0] not in befalls:
                continue
            if chosen is None:
                continue
            if fault.count is not None:
                fault.count -= 1
                if not fault.count:
                    self.active.remove(fault)
            return chosen
        return None

    def _any(self, befalls: set[On]) -> Fault | None:
        names = [name for name, (on, _) in self.table.items() if on in befalls]
        if not names:
            return None
        name = self.random.choice(names)
        return Fault(name, 1, self.random.random() * _RANDOM_DELAY if name in NEEDS_SECONDS else 0.0)


_ANOTHER: Final = 0x0100  # how far a wrong preamble is off


class Then(Enum):
    """What happens to the connection after an answer."""

    GO_ON = "go on"
    MUTE = "mute"
    CLOSE = "close"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An answer as it is sent."""

    data: bytes
    delay: float = 0.0
    """Seconds to wait first."""
    then: Then = Then.GO_ON


def frame(key: Key, message: Message) -> bytes:
    """Returns the frame of a message."""
    return wrap(encrypt(key, build(message)))


def other_key(key: Key) -> Key:
    """Returns another key."""
    return Key(bytes(byte ^ 0x5A for byte in key.secret))


def outgoing(answer: Message, key: Key, fault: Fault | None, rng: random.Random) -> Outgoing:
    """Returns what is sent instead of an answer if there is a fault, else the answer."""
    if fault is None or (fault.name == "no-ok" and answer.kind is not Kind.WRITE):
        return Outgoing(frame(key, answer))
    return _EFFECTS[fault.name](answer, key, fault, rng)


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


_EFFECTS: Final[Mapping[str, Callable[[Message, Key, Fault, random.Random], Outgoing]]] = {
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
