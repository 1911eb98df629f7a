"""What can go wrong with a live machine; each error is one line that says what happened and what to do."""

from __future__ import annotations

from typing import Final

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.message import Message, letter_of
from lmdecode.codec.v1.requester import Dialogue, Heard

NO_CONNECTION = 3


class MachineError(LmdecodeError):
    """The base of all errors of a live machine."""


class NoConnectionError(MachineError):
    """There is no connection: nothing listens there, or it does not talk to us."""

    exit_code = NO_CONNECTION


class BusyError(NoConnectionError):
    """The machine closes the connection at once, or says nothing on it: somebody else is connected."""


class ConnectionLostError(MachineError):
    """The connection has ended while it was needed."""

    exit_code = NO_CONNECTION


class WrongKeyError(MachineError):
    """The machine talks, but nothing that it says decrypts."""


class NoAnswerError(MachineError):
    """The machine did not answer in time, though the connection is there."""


class BadAnswerError(MachineError):
    """An answer came, but it is damaged."""


class EchoError(BadAnswerError):
    """The machine sent the request back instead of an answer, as it does in some regions of its memory."""


class RefusedError(MachineError):
    """The machine did not take a write."""


class ModelUnknownError(MachineError):
    """What is asked for is not on all models, and the machine's own is not known."""

    exit_code = 2


ONE_AT_A_TIME: Final = (
    "the machine takes one connection at a time; close the app, or what else talks to it, and try again"
)


def why_no_answer(request: Message, dialogue: Dialogue, name: str, lost: MachineError | None) -> MachineError:
    """Why there is no answer.

    Args:
        request: What was asked.
        dialogue: What was heard since.
        name: The machine, as host:port.
        lost: Why the connection has ended, if it has.
    """
    heard, what = dialogue.heard, f"{letter_of(request.kind)}{request.preamble}"
    if heard.undecryptable and not dialogue.ever_valid:
        return WrongKeyError(
            f"connected to {name}, but nothing decrypts: the key is not this machine's, or this is no such machine; "
            "`lmdecode config check` looks at it, `lmdecode harvest` finds the right one"
        )
    if heard.garbage or heard.undecryptable:
        came = f"{heard.garbage} bytes that are no frame" if heard.garbage else "a frame that does not decrypt"
        return BadAnswerError(f"the answer to {what} is damaged: {name} sent {came}")
    if lost is not None:
        return lost
    if not dialogue.ever_heard:
        return BusyError(f"connected to {name}, but it says nothing: {ONE_AT_A_TIME}")
    return _instead(what, heard, name)


def _instead(what: str, heard: Heard, name: str) -> MachineError:
    """What the machine said instead of an answer, if that is all that is wrong."""
    if heard.bytes and not heard.valid:
        return BadAnswerError(f"the answer to {what} is cut off: {name} sent {heard.bytes} bytes of a frame")
    if heard.strange is not None and heard.strange.plaintext:
        return BadAnswerError(f"the answer to {what} is to something else: {heard.strange.plaintext[:9]}")
    return NoAnswerError(f"{name} did not answer {what} in time")


def why_bad(request: Message, answer: Record) -> BadAnswerError:
    """What is wrong with an answer."""
    what = f"{letter_of(request.kind)}{request.preamble}"
    if is_echo(request, answer):
        return EchoError(f"the machine sent {what} back instead of an answer: there is nothing to be read there")
    return BadAnswerError(f"the answer to {what} is damaged: {answer.problems[0]}")


def is_echo(request: Message, answer: Record) -> bool:
    """Whether an answer is the request itself, faultless; of a damaged one nothing may be shown, and so has no data."""
    return request.kind is Kind.READ and answer.data is None and answer.raw is None


def why_no_connection(host: str, port: int, error: Exception, seconds: float) -> str:
    """Why a connection could not be made.

    Args:
        host: Where to.
        port: Likewise.
        error: What was raised.
        seconds: How long it was tried.
    """
    import socket  # noqa: PLC0415 -- only errors need it

    name = joined(host, port)
    if isinstance(error, ConnectionRefusedError):
        return f"{name} refuses the connection: is it the machine's address? {ONE_AT_A_TIME}"
    if isinstance(error, TimeoutError):
        return f"{name} does not answer within {seconds:g} s: is the machine in this network, and its address right?"
    if isinstance(error, socket.gaierror) or not isinstance(error, OSError):
        return f"no host named {host[:60]!r}: check --host; `lmdecode discover` looks for machines"
    return f"no connection to {name}: {error.strerror or error}"


def joined(host: str, port: int) -> str:
    """host:port, an IPv6 host in brackets.

    >>> joined("::1", 1774)
    '[::1]:1774'
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
