"""Faults on demand: what a machine, or the network before it, can do wrong, and when it is to do so."""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Kind


class On(Enum):
    """What a fault befalls."""

    CONNECTION = "connection"
    ANSWER = "answer"
    WRITE = "write"
    """The answer to a write."""


FAULTS: Final[Mapping[str, tuple[On, str]]] = {
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
"""By name: what it befalls, and what it does."""
NEEDS_SECONDS: Final = "delay"

_SPEC: Final = re.compile(r"(?P<name>[a-z-]+)(?:=(?P<argument>\d+(?:\.\d*)?|\.\d+))?(?::(?P<count>\d+))?\Z").match
_LONGEST_DELAY: Final = 3600.0
_RANDOM: Final = "random"
_RANDOM_DELAY: Final = 0.05  # s, of the delays in a random schedule: tests wait for each of them


class FaultError(LmdecodeError):
    """There is no such fault; one line that lists the faults."""

    exit_code = 2


@dataclass(slots=True)
class Fault:
    """A fault that is to happen.

    >>> parse_fault("drop:3")
    Fault(name='drop', count=3, argument=0.0)
    """

    name: str
    count: int | None = None
    """How often; None: until it is switched off."""
    argument: float = 0.0
    """Seconds of a delay; probability of a random fault."""

    def __str__(self) -> str:
        argument = f"={self.argument:g}" if self.argument else ""
        return f"{self.name}{argument}" + ("" if self.count is None else f":{self.count}")


def parse_fault(text: str) -> Fault:
    """Read `name`, `name:count`, `delay=seconds`, `random=probability`.

    Raises:
        FaultError: It is none of these.
    """
    match = _SPEC(text.strip().lower())
    if match is None or (match["name"] not in FAULTS and match["name"] != _RANDOM):
        raise FaultError(
            f"no fault {text[:40]!r}: give one of {', '.join(FAULTS)}, random=0.3; drop:3 is the next three"
        )
    name, argument, count = match["name"], match["argument"], match["count"]
    if (argument is not None) is not (name in {NEEDS_SECONDS, _RANDOM}):
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
    """Which fault happens next.

    Args:
        faults: Those that are on from the start.
        seed: Of the random ones, so that they happen again in the same order.
        in_turn: What befalls the next answers, one each, before all others: a schedule for tests. None is no fault.
    """

    def __init__(self, faults: Iterable[Fault] = (), *, seed: int = 0, in_turn: Iterable[Fault | None] = ()) -> None:
        self.active = list(faults)
        self.random = random.Random(seed)  # noqa: S311 -- nothing is to be kept secret by it
        self._in_turn = deque(in_turn)

    def add(self, fault: Fault) -> None:
        """Switch a fault on."""
        self.active.append(fault)

    def clear(self) -> None:
        """Switch all faults off."""
        self.active.clear()
        self._in_turn.clear()

    def for_connection(self) -> Fault | None:
        """What befalls a connection that is made now."""
        return self._next({On.CONNECTION})

    def for_answer(self, kind: Kind) -> Fault | None:
        """What befalls the answer to a request."""
        befalls = {On.ANSWER, On.WRITE} if kind is Kind.WRITE else {On.ANSWER}
        if self._in_turn:
            fault = self._in_turn.popleft()
            return fault if fault is not None and FAULTS[fault.name][0] in befalls else None
        return self._next(befalls)

    @property
    def all_under_wrong_key(self) -> bool:
        """Whether everything the machine says is under another key, not just some answers."""
        return any(fault.name == "wrong-key" and fault.count is None for fault in self.active)

    def _next(self, befalls: set[On]) -> Fault | None:
        for fault in self.active:
            chosen: Fault | None = fault
            if fault.name == _RANDOM:
                chosen = self._any(befalls) if self.random.random() < fault.argument else None
            elif FAULTS[fault.name][0] not in befalls:
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
        names = [name for name, (on, _) in FAULTS.items() if on in befalls]
        name = self.random.choice(names)
        return Fault(name, 1, self.random.random() * _RANDOM_DELAY if name == NEEDS_SECONDS else 0.0)
