"""The errors of a live machine. Each is one line that says what happened and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.requester import ONE_AT_A_TIME, Failure, Fault

NO_CONNECTION: Final = 3
"""The exit code of a command that has no connection to the machine."""


class MachineError(LmdecodeError):
    """The base of all errors of a live machine."""


class NoConnectionError(MachineError):
    """There is no connection: nothing answers at the address, or what answers is not a machine."""

    exit_code = NO_CONNECTION


class BusyError(NoConnectionError):
    """The machine closes the connection at once or stays silent: another client is connected."""


class NotReadyError(NoConnectionError):
    """The machine refuses every request for now: it has no token yet. A wrong key may look the same."""


class RadioError(NoConnectionError):
    """This computer's Bluetooth cannot be used, or no machine was heard; one line that says what to do."""


class NotNearError(RadioError):
    """The radio works, but the machine was not heard: it is off or far, or another client is connected to it."""


class FloodError(NoConnectionError):
    """What listens there sends so much that it is no machine; the connection was ended."""


class ConnectionLostError(MachineError):
    """The connection ended while it was in use."""

    exit_code = NO_CONNECTION


class WrongKeyError(MachineError):
    """The key or token is another machine's: the machine refuses it, or nothing that it says decrypts with it."""


class MissingTokenError(WrongKeyError):
    """There is no token, without which a machine says nothing over Bluetooth; the message says how to come by it."""

    exit_code = 2


class NoAnswerError(MachineError):
    """The machine did not answer in time, although it is connected."""


class NotToldError(NoAnswerError):
    """The machine has no answer to this question, and will have none if it is asked again."""


class UnconfirmedError(NoAnswerError):
    """The machine took a write, and does not say whether it did as it was told. What it holds must be read."""


class BadAnswerError(MachineError):
    """The answer is damaged."""


class UnreadableError(BadAnswerError):
    """The answer is damaged each time, although the connection is well."""


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


_ERRORS: Final[Mapping[Fault, type[MachineError]]] = {
    Fault.LOST: ConnectionLostError,
    Fault.BUSY: BusyError,
    Fault.NO_MACHINE: NoConnectionError,
    Fault.NOT_READY: NotReadyError,
    Fault.WRONG_KEY: WrongKeyError,
    Fault.SILENT: NoAnswerError,
    Fault.DAMAGED: BadAnswerError,
    Fault.ECHOED: EchoError,
    Fault.REFUSED: RefusedError,
}


def error_of(failure: Failure) -> MachineError:
    """Returns the error for what a protocol found wrong.

    >>> error_of(Failure(Fault.BUSY, "it says nothing"))
    BusyError('it says nothing')
    """
    return _ERRORS[failure.fault](failure.why)


def why_no_connection(host: str, port: int, error: Exception, seconds: float, refused: str = ONE_AT_A_TIME) -> str:
    """Returns why a connection could not be made, in one line.

    Args:
        host: The host that was tried.
        port: The port that was tried.
        error: The exception.
        seconds: How long the attempt lasted at most.
        refused: Why a machine may refuse, and what to do.
    """
    import socket  # noqa: PLC0415 -- only errors need it

    name = joined(host, port)
    if isinstance(error, ConnectionRefusedError):
        return f"{name} refuses the connection: is it the machine's address? {refused}"
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
