"""What can go wrong with a live machine; each error is one line that says what happened and what to do."""

from __future__ import annotations

from lmdecode.codec.errors import LmdecodeError

__all__ = [
    "BadAnswerError",
    "BusyError",
    "ConnectionLostError",
    "EchoError",
    "MachineError",
    "ModelUnknownError",
    "NoAnswerError",
    "NoConnectionError",
    "RefusedError",
    "WrongKeyError",
]

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
