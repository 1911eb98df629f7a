"""The errors of a live machine. Each is one line that says what happened and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lmdecode.codec.errors import LmdecodeError

if TYPE_CHECKING:  # every command that talks to a machine loads this module, also for its help
    from lmdecode.codec.record import Record
    from lmdecode.codec.v1.message import Message
    from lmdecode.codec.v1.requester import Received, Requester

NO_CONNECTION: Final = 3
"""The exit code of a command that has no connection to the machine."""


class MachineError(LmdecodeError):
    """The base of all errors of a live machine."""


class NoConnectionError(MachineError):
    """There is no connection: nothing listens at the address, or it does not talk to us."""

    exit_code = NO_CONNECTION


class BusyError(NoConnectionError):
    """The machine closes the connection at once or stays silent: another client is connected."""


class FloodError(NoConnectionError):
    """What listens there sends so much that it is no machine; the connection was ended."""


class ConnectionLostError(MachineError):
    """The connection ended while it was in use."""

    exit_code = NO_CONNECTION


class WrongKeyError(MachineError):
    """The machine talks, but none of its frames decrypt."""


class NoAnswerError(MachineError):
    """The machine did not answer in time, although it is connected."""


class BadAnswerError(MachineError):
    """The answer is damaged."""


class EchoError(BadAnswerError):
    """The machine sent the request back, as it does in some regions of its memory."""


class RefusedError(MachineError):
    """The machine refused a write."""


class ModelUnknownError(MachineError):
    """Not all models have the setting, and this machine's model is unknown."""

    exit_code = 2


class UnsupportedError(MachineError):
    """This generation of machines cannot do it; the message says which way can. Nothing was sent."""

    exit_code = 2


ONE_AT_A_TIME: Final = (
    "the machine takes one connection at a time; close the app, or what else talks to it, and try again"
)


def why_no_answer(request: Message, requester: Requester, name: str, lost: MachineError | None) -> MachineError:
    """Returns the error that explains a missing answer.

    The order matters. A wrong key makes every other complaint meaningless, so it comes first, but only while not a
    single message has decrypted. Damage comes before a lost connection, because a machine that sends garbage often
    closes the connection too, and the garbage says more.

    Args:
        request: The request without an answer.
        requester: The requester that sent it.
        name: The machine, as host:port.
        lost: Why the connection has ended; None if it has not.
    """
    from lmdecode.codec.v1.requester import label  # noqa: PLC0415 -- only errors need it

    received, what = requester.received, label(request)
    if received.undecryptable and not requester.ever_valid:
        return WrongKeyError(
            f"connected to {name}, but nothing decrypts: the key is not this machine's, or this is not a machine; "
            "`lmdecode config check` looks at it, `lmdecode harvest` finds the right one"
        )
    if received.garbage or received.undecryptable:
        came = f"{received.garbage} bytes that are no frame" if received.garbage else "a frame that does not decrypt"
        return BadAnswerError(f"the answer to {what} is damaged: {name} sent {came}")
    if lost is not None:
        return lost
    if not requester.ever_received:
        return BusyError(f"connected to {name}, but it says nothing: {ONE_AT_A_TIME}")
    return _instead(what, received, name)


def _instead(what: str, received: Received, name: str) -> MachineError:
    """Returns the error for what the machine sent instead of an answer."""
    if received.bytes and not received.valid:
        return BadAnswerError(f"the answer to {what} is cut off: {name} sent {received.bytes} bytes of a frame")
    if received.stray:
        return BadAnswerError(f"the answer to {what} belongs to another request: {received.stray}")
    return NoAnswerError(f"{name} did not answer {what} in time")


def why_bad(request: Message, answer: Record) -> BadAnswerError:
    """Returns the error that explains a damaged answer or an echo."""
    from lmdecode.codec.v1.requester import is_echo, label  # noqa: PLC0415 -- only errors need it

    if is_echo(request, answer):
        return EchoError(f"the machine sent {label(request)} back instead of an answer: nothing can be read there")
    return BadAnswerError(f"the answer to {label(request)} is damaged: {answer.problems[0]}")


def why_no_connection(host: str, port: int, error: Exception, seconds: float) -> str:
    """Returns why a connection could not be made, in one line.

    Args:
        host: The host that was tried.
        port: The port that was tried.
        error: The exception.
        seconds: How long the attempt lasted at most.
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

    >>> joined("::1", 8080)
    '[::1]:8080'
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
