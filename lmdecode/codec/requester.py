"""The interface between a protocol and whoever talks to a machine: the app's side of a connection, without a socket.

A `Requester` is to a client what a `Conversation` is to whoever reads captures: it has all of the state of a protocol
and no socket, file or clock. Requests go in and bytes come out; bytes go in and Records come out, the same that a
capture of these bytes gives. A client needs to know neither the key nor a single byte.

What a requester makes of trouble is a `Failure`: a kind of failure, by which a client chooses its error, and one line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:  # whoever makes errors loads this module, also for help
    from lmdecode.codec.record import Record

R = TypeVar("R")

ONE_AT_A_TIME: Final = (
    "the machine takes one connection at a time; close the app, or what else talks to it, and try again"
)


class Fault(Enum):
    """The kinds of failures."""

    LOST = auto()
    """The connection has ended."""
    BUSY = auto()
    """The machine does not talk to us: it talks to another program."""
    NO_MACHINE = auto()
    """What is there speaks another protocol, or is no machine at all."""
    NOT_READY = auto()
    """The machine talks to nobody for now, or it does not know the key: it does not say which."""
    WRONG_KEY = auto()
    """The key is not the machine's."""
    SILENT = auto()
    """There is no answer, although the machine talks."""
    DAMAGED = auto()
    """The answer is damaged, or is none."""
    ECHOED = auto()
    """The machine sent the request back."""
    REFUSED = auto()
    """The machine did not take a write."""


class Failure(NamedTuple):
    """What went wrong."""

    fault: Fault
    why: str
    """One line: what happened, and what to do."""


class Requester(Protocol[R]):
    """The requests and answers of one connection, seen from the app. One request is under way at a time.

    Nothing in it raises, whatever the machine sends; only a request that cannot be built does.
    """

    @property
    def answer(self) -> Record | None:
        """The answer to the last request; None until it has come. It may be damaged, see `wrong`."""

    @property
    def broken(self) -> Failure | None:
        """Why nothing more is to be expected of this connection although it has not ended; None if that is not so."""

    @property
    def probe(self) -> R | None:
        """A read that every machine answers; None if the protocol has a sign of life of its own, see `knock`."""

    def label(self, request: R) -> str:
        """Return what messages call a request."""

    def ask(self, time_ns: int, request: R) -> tuple[bytes, Sequence[Record]]:
        """Begin a request and wait for its answer from now on; return the bytes to send, and their Records.

        Raises:
            CodecError: The request cannot be built.
        """

    def receive(self, time_ns: int, data: bytes) -> Sequence[Record]:
        """Take bytes from the machine; return the Records of these, and of what the protocol itself says to them."""

    def outgoing(self) -> bytes:
        """Take what the protocol itself has to say to the machine, such as the answer to a ping; b"" if nothing."""

    def knock(self, time_ns: int) -> bytes:
        """Return the bytes to which a machine that is there says something; b"" if the protocol has none."""

    def farewell(self, time_ns: int) -> tuple[bytes, Sequence[Record]]:
        """Return what to say before this side disconnects, and its Records; b"" if nothing."""

    def close(self, time_ns: int) -> Sequence[Record]:
        """Note that the connection has ended; return the Records of what waited for the rest of its message."""

    def unasked(self, size: int, records: Sequence[Record]) -> int:
        """Return how many bytes came that answer nothing.

        Args:
            size: The number of bytes that were received.
            records: Their Records.
        """

    def missing(self, request: R, machine: str, *, ended: bool) -> Failure | None:
        """Return why there is no answer; None if it is that the connection has ended, see `ended`.

        Args:
            request: The request without an answer.
            machine: The machine, as host:port.
            ended: Whether the connection has ended.
        """

    def wrong(self, request: R, answer: Record, machine: str) -> Failure | None:
        """Return what is wrong with an answer; None if it is good. The arguments are as for `missing`."""

    def refusal(self, request: R, answer: Record) -> Failure | None:
        """Return what a machine says against a write; None if it took the write."""

    def ended(self, machine: str, how: str) -> Failure:
        """Return what the end of the connection means.

        Args:
            machine: The machine, as host:port.
            how: How the connection ended, as a predicate: "closed the connection".
        """


RequesterFactory: TypeAlias = Callable[[int, str, str], Requester[R]]
"""Makes the requester of a new connection from the connection's number, this side's host:port and the machine's."""
