"""The app's side of a live Bluetooth connection, without a radio: what is read and written, and the Records of it.

A question is a name that is written to `0a0b`, whose answer is then read there; or a characteristic that is simply
read. A command is written to `0b0b`, where its status is then read. Each is a generator of GATT steps: it yields one,
and is sent the value that was read. The Records are made by `Messages`, as those of a recording are, and handed on as
they arise.

What clients of other authors agree on, and what this one does about it:

- The token is written first, and `0d0b` reads 01 as soon as the gateway has checked it, within half a second.
- An answer may not be there yet when it is read: the value is empty then, or still what was written. It is read again
  for half a second.
- The status of a command may come late, or never, and "success" does not always mean that it took effect. So a status
  is waited for, but what came of a command shows only in what is read afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from lmdecode.codec.bluetooth.characteristics import (
    COMMAND,
    NAMES,
    NOTIFIED,
    PAIRING,
    READ,
    TOKEN,
)
from lmdecode.codec.bluetooth.conversation import ERRORS
from lmdecode.codec.bluetooth.messages import Messages
from lmdecode.codec.dialect import Place, Tally
from lmdecode.codec.errors import CodecError
from lmdecode.codec.record import Record, Value

T = TypeVar("T")

POLLS: Final = 10
"""How many times a value is read that is not there yet."""
POLL_PAUSE: Final = 0.05
"""Seconds between two such reads; other clients poll the token so."""
_SHORTEST_SECRET: Final = 8  # characters; a shorter text is no machine's token, and may stand anywhere
_SUBSCRIBE: Final = b"\1\0"


class AttError(CodecError):
    """The machine answered a read or a write with an error of ATT: it did neither."""

    def __init__(self, code: int) -> None:
        super().__init__(ERRORS.get(code, f"error 0x{code:02x}"))
        self.code = code
        """The error's number."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question that changes nothing."""

    name: str
    """A name that is asked for at `0a0b`, such as `boilers`; or the short name of a characteristic, such as `2a26`."""

    @property
    def is_characteristic(self) -> bool:
        """Whether a characteristic is simply read."""
        return self.name in NAMES

    def __str__(self) -> str:
        return f"{self.name} ({NAMES[self.name]})" if self.is_characteristic else self.name


@dataclass(frozen=True, slots=True)
class Command:
    """A request that changes something."""

    name: str
    parameter: tuple[tuple[str, Value], ...] = ()
    """The members of its parameter, in their order."""

    @property
    def text(self) -> str:
        """The JSON that is written.

        >>> Command("MachineChangeMode", (("mode", "StandBy"),)).text
        '{"name":"MachineChangeMode","parameter":{"mode":"StandBy"}}'
        """
        return json.dumps({"name": self.name, "parameter": dict(self.parameter)}, separators=(",", ":"))

    def __str__(self) -> str:
        return self.name


Request = Question | Command
CAPABILITIES: Final = Question("machineCapabilities")
BOILERS: Final = Question("boilers")
MODE: Final = Question("machineMode")


@dataclass(frozen=True, slots=True)
class GattRead:
    """Read a characteristic; the value is sent back."""

    characteristic: str


@dataclass(frozen=True, slots=True)
class GattWrite:
    """Write a characteristic, once, with a response."""

    characteristic: str
    value: bytes = field(repr=False)
    """It may be the token."""


@dataclass(frozen=True, slots=True)
class GattSubscribe:
    """Have what a characteristic notifies."""

    characteristic: str


@dataclass(frozen=True, slots=True)
class GattPause:
    """Wait."""

    seconds: float


GattStep = GattRead | GattWrite | GattSubscribe | GattPause
GattSteps = Generator[GattStep, Any, T]
"""Yields steps, is sent what was read, and returns a result. An `AttError` is thrown into it."""


class Requester:
    """The requests and answers of one connection, seen from the app.

    Args:
        place: Where the connection is.
        clock: Returns the time, in nanoseconds since 1970, for the Records.
        tell: Takes each Record.
        show_secrets: Whether secrets stay readable in the Records.
    """

    def __init__(
        self,
        place: Place,
        clock: Callable[[], int],
        tell: Callable[[Record], None] = lambda _: None,
        *,
        show_secrets: bool = False,
    ) -> None:
        self._messages = Messages(place, Tally(), show_secrets=show_secrets)
        self._clock = clock
        self._tell = tell
        self._token = b""  # what is not to be shown; b"" if secrets are
        self._show_secrets = show_secrets

    def log_in(self, token: str) -> GattSteps[bool]:
        """Write the token. Returns whether the machine accepted it.

        Raises:
            AttError: The machine answered with an error; it has not accepted it.
        """
        self._token = b"" if self._show_secrets or len(token) < _SHORTEST_SECRET else token.encode()
        yield from self._write(TOKEN, token.encode())
        for _ in range(POLLS):
            record = yield from self._read(TOKEN)
            if record.fields.get("token_accepted") is True:
                return True
            yield GattPause(POLL_PAUSE)
        return False

    def pairing_token(self) -> GattSteps[str]:
        """Read the token that a machine in pairing mode tells; "" if it tells none. No Record has it."""
        try:
            value: bytes = yield GattRead(PAIRING)
        except AttError as error:
            self._tell(self._messages.refused(self._clock(), PAIRING, str(error), wrote=False))
            return ""
        self._tell(self._messages.answered(self._clock(), PAIRING, value))
        text = value.partition(b"\0")[0].decode("ascii", "replace").strip()
        return text if text.isprintable() and text.isascii() else ""

    def listen(self) -> GattSteps[None]:
        """Have what happens notified, as it happens. The first notification is a replay.

        Raises:
            AttError: The machine answered with an error.
        """
        self._tell(self._messages.subscribed(self._clock(), NOTIFIED, _SUBSCRIBE))
        yield GattSubscribe(NOTIFIED)

    def notified(self, value: bytes) -> Record:
        """Take what was notified; returns the Record, which is handed on too."""
        record = self._messages.notified(self._clock(), NOTIFIED, self._masked(value))
        self._tell(record)
        return record

    def ask(self, question: Question) -> GattSteps[Record]:
        """Ask a question. Returns the last answer that was read, which `fault` judges.

        Raises:
            AttError: The machine answered with an error.
        """
        if question.is_characteristic:
            self._tell_of(self._messages.asked(self._clock(), question.name))
            return (yield from self._read(question.name))
        yield from self._write(READ, f"{question.name}\0".encode())
        return (yield from self._read_when_there(READ, question.name))

    def send(self, command: Command) -> GattSteps[Record]:
        """Send a command, once. Returns the last status that was read; its `ok` is None if the machine gave none.

        Raises:
            AttError: The machine answered the command with an error: it did not take it.
        """
        yield from self._write(COMMAND, f"{command.text}\0".encode())
        try:
            return (yield from self._read_when_there(COMMAND, command.text))
        except AttError as error:  # of the read: it says nothing of the command
            return self._messages.refused(self._clock(), COMMAND, str(error), wrote=False)._replace(ok=None)

    def _read_when_there(self, characteristic: str, written: str) -> GattSteps[Record]:
        """Read what answers to what was written; again, while there is nothing, or what was written itself."""
        record = yield from self._read(characteristic)
        for _ in range(POLLS - 1):
            if record.plaintext not in {"", written}:
                break
            yield GattPause(POLL_PAUSE)
            record = yield from self._read(characteristic)
        return record

    def _read(self, characteristic: str) -> GattSteps[Record]:
        try:
            value: bytes = yield GattRead(characteristic)
        except AttError as error:
            self._tell(self._messages.refused(self._clock(), characteristic, str(error), wrote=False))
            raise
        record = self._messages.answered(self._clock(), characteristic, self._masked(value))
        self._tell(record)
        return record

    def _masked(self, value: bytes) -> bytes:
        """Return a value without the token, which a peer may say back in any of its texts."""
        return value.replace(self._token, b"*" * len(self._token)) if self._token else value

    def _write(self, characteristic: str, value: bytes) -> GattSteps[None]:
        self._tell(self._messages.wrote(self._clock(), characteristic, value))
        try:
            yield GattWrite(characteristic, value)
        except AttError as error:
            self._tell(self._messages.refused(self._clock(), characteristic, str(error), wrote=True))
            raise
        self._tell_of(self._messages.accepted(self._clock(), characteristic))

    def _tell_of(self, record: Record | None) -> None:
        if record is not None:
            self._tell(record)


def fault(question: Question, answer: Record) -> str:
    """Return what is wrong with an answer, as the end of a sentence; "" if it is one.

    A value that a machine has never had is not damage.

    >>> from lmdecode.codec.dialect import Place
    >>> requester = Requester(Place(), lambda: 0)
    >>> steps = requester.ask(MODE)
    >>> next(steps), next(steps)
    (GattWrite(characteristic='0a0b'), GattRead(characteristic='0a0b'))
    >>> try:
    ...     steps.send(b'"Brewin')
    ... except StopIteration as ended:
    ...     fault(MODE, ended.value)
    'is cut off after 7 bytes'
    """
    text = answer.plaintext or ""
    if not text or text == question.name:
        return "is empty"
    if question.is_characteristic:
        return ""
    try:
        json.loads(text)
    except ValueError as error:
        is_cut = isinstance(error, json.JSONDecodeError) and (
            error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        )
        return f"is cut off after {len(text.encode())} bytes" if is_cut else "is not JSON"
    except RecursionError:
        return "is not JSON"
    if not answer.fields and not answer.extra:
        return "says nothing that is known"
    return ""
