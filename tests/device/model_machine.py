"""A model of a machine for the tests of the client core: what it holds, its changes, and what may come of a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Record
from lmdecode.device.changing import LOOKS
from lmdecode.device.core import (
    Ask,
    Connect,
    Steps,
    Write,
)
from lmdecode.device.errors import (
    BadAnswerError,
    BusyError,
    ConnectionLostError,
    EchoError,
    FloodError,
    MachineError,
    NoAnswerError,
    NoConnectionError,
    NotToldError,
    RefusedError,
    UnconfirmedError,
    UnreadableError,
    UnsupportedError,
    WrongKeyError,
)

LATE = NoAnswerError("did not answer in time")
LOST = ConnectionLostError("closed the connection")
DAMAGED = BadAnswerError("the answer is damaged")
ECHO = EchoError("sent the request back")
BUSY = BusyError("says nothing")
GONE = NoConnectionError("refuses the connection")
FLOOD = FloodError("is no machine")
WRONG_KEY = WrongKeyError("nothing decrypts")
UNSUPPORTED = UnsupportedError("this generation has no such thing")
REFUSED = RefusedError("did not take it")
NOT_TOLD = NotToldError("has no answer to it")
UNREADABLE = UnreadableError("is cut off at the MTU")
UNCONFIRMED = UnconfirmedError("does not say whether it did")
FOR_GOOD = [ECHO, FLOOD, WRONG_KEY, UNSUPPORTED, NOT_TOLD, UNREADABLE]
WORTH_ANOTHER_TRY = [LATE, LOST, DAMAGED, BUSY, GONE]


Come = Callable[[Any], Any]
"""Says what comes of a step: a result, or an error to be raised."""


# A model of a machine, and changes of its values.


@dataclass
class ModelMachine:
    """A machine that holds values, and may take its time to take one."""

    values: dict[str, int] = field(default_factory=dict)
    on_their_way: list[list[Any]] = field(default_factory=list)
    heard: list[tuple[str, int]] = field(default_factory=list)

    def take(self, name: str, value: int, *, later: int = 0) -> None:
        """Take a value, at once or after some reads."""
        self.on_their_way.append([later, name, value])
        self._settle()

    def read(self) -> dict[str, int]:
        """What it holds; a write that is on its way comes nearer."""
        found = dict(self.values)
        for each in self.on_their_way:
            each[0] -= 1
        self._settle()
        return found

    def _settle(self) -> None:
        self.values |= {name: value for later, name, value in self.on_their_way if later <= 0}
        self.on_their_way = [each for each in self.on_their_way if each[0] > 0]


@dataclass(frozen=True)
class ModelChange:
    name: str
    value: int
    is_shown: bool = True
    is_repeatable: bool = False
    label: str = ""
    hazard: str = ""

    @property
    def expected(self) -> int:
        return self.value

    def value_in(self, state: dict[str, int]) -> int | None:
        return state.get(self.name) if self.is_shown else None

    def is_made(self, state: dict[str, int]) -> bool:
        return self.value_in(state) == self.value


@dataclass(frozen=True)
class ModelPlan:
    """Its requests are names to read, and pairs of a name and a value to write."""

    changes: Sequence[ModelChange]
    reads: Sequence[str] = ("state",)
    fits: bool = True

    def fitted(self) -> Steps[Any, ModelPlan]:
        if not self.fits:
            raise RegisterError("this model does not have it")
        yield Ask("model")
        return self

    def look(self, *, closely: bool = False) -> Steps[Any, dict[str, int]]:
        state: dict[str, int] = {}
        for each in (*self.reads, *(["beside"] if closely else ())):
            state |= (yield Ask(each)).fields
        return state

    def writes(self, pending: Sequence[ModelChange], _state: dict[str, int]) -> list[tuple[str, int]]:
        return [(each.name, each.value) for each in pending]

    def is_sent(self, change: ModelChange, sent: Sequence[Any]) -> bool:
        return (change.name, change.value) in sent

    def text(self, request: tuple[str, int]) -> str:
        return "{} = {}".format(*request)

    def doubts(self, pending: Sequence[ModelChange], _state: dict[str, int]) -> list[str]:
        return [f"{each.name} is odd" for each in pending if each.value % 2]

    def unread(self) -> dict[str, int]:
        return {}


def answer(fields: Mapping[str, Any] | None = None) -> Record:
    return Record(time_ns=0, stream=0, sender="machine", source="", destination="", fields=fields or {})


def drive(steps: Steps[Any, Any], come: Come, *, longest: int = 1000) -> tuple[list[Any], Any]:
    """Carry out steps; `come` says what comes of each. The steps, and the result or what was raised."""
    seen: list[Any] = []
    send: Callable[[Any], Any] = steps.send
    what: Any = None
    for _ in range(longest):
        try:
            step = send(what)
        except StopIteration as ended:
            return seen, ended.value
        except MachineError as error:
            return seen, error
        seen.append(step)
        what = come(step)
        send = steps.throw if isinstance(what, Exception) else steps.send
    raise AssertionError("it does not end")


def in_turn(*events: Any) -> Come:
    """What comes of the requests, one after the other; steps that are no request just happen."""
    left = list(events)
    return lambda step: left.pop(0) if isinstance(step, Ask | Write) else None


# What may come of each step, as hypothesis draws it.

NAMES = ("a", "b", "c")
ASKED = st.sampled_from(
    ["answer"] * 6 + ["late", "lost", "damaged", "busy", "gone", "echo", "flood", "key", "never", "not told"]
)
WROTE = st.sampled_from([
    "taken", "taken", "taken", "taken later", "taken, late", "taken, lost", "taken, unconfirmed",
    "taken, damaged", "taken later, lost", "refused", "ignored", "unconfirmed", "late", "lost", "busy", "flood",
    "key", "never",
])  # fmt: skip
CONNECTED = st.sampled_from(["made"] * 8 + ["gone", "busy"])
ERRORS = {
    "late": LATE, "lost": LOST, "damaged": DAMAGED, "busy": BUSY, "gone": GONE, "echo": ECHO, "flood": FLOOD,
    "key": WRONG_KEY, "never": UNSUPPORTED, "refused": REFUSED, "unconfirmed": UNCONFIRMED, "not told": NOT_TOLD,
}  # fmt: skip


class World:
    """A model machine, and what becomes of each step as hypothesis draws it."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data
        self.machine = ModelMachine(dict.fromkeys(NAMES, 1))
        self.confirmed: set[tuple[str, int]] = set()
        self.refused: set[tuple[str, int]] = set()

    def come(self, step: Any) -> Any:
        match step:
            case Connect():
                return ERRORS.get(self._data.draw(CONNECTED, "connection"))
            case Ask():
                event = self._data.draw(ASKED, "read")
                return answer(self.machine.read()) if event == "answer" else ERRORS[event]
            case Write(request):
                return self._written(request, self._data.draw(WROTE, "write"))
        return None

    def _written(self, request: tuple[str, int], event: str) -> Any:
        if event != "never":  # this one is known before anything is sent
            self.machine.heard.append(request)
        how, _, error = event.partition(", ")
        if how == "taken":
            self.machine.take(*request)
        elif how == "taken later":
            self.machine.take(*request, later=self._data.draw(st.integers(1, len(LOOKS) - 1), "looks"))
        else:
            error = how
        if error in ERRORS:
            if error == "refused":
                self.refused.add(request)
            return ERRORS[error]
        self.confirmed.add(request)
        return None
