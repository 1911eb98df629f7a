"""The driver of v3: the gateway's configuration, over HTTP, and its stream, a WebSocket. Nothing can be set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NoReturn

from lmdecode.codec.dialect import FieldKind
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v3 import PORT
from lmdecode.codec.v3.requester import CONFIGURATION, Get, requesters
from lmdecode.codec.vocabulary import fields_of, rows
from lmdecode.device.client import CONNECT_TIMEOUT, Client
from lmdecode.device.driver import OnRecord, Query, Word
from lmdecode.device.errors import UnsupportedError, joined
from lmdecode.device.timing import ANSWER_TIMEOUT
from lmdecode.device.v3.connection import NO_WRITES, WebConnection

_CLOSED_SINCE: Final = (
    "It may be off; or its gateway was updated to v5, as most were from March 2025 on, which has closed this port and "
    "speaks Bluetooth: --bluetooth"
)
_NAME: Final = "configuration"
_OFTEN: Final = 60.0  # s between two reads of the configuration while the stream tells what changes


@cache
def _asked_for() -> frozenset[str]:
    """Returns the names of the values that the configuration has."""
    return frozenset(row.name for row in rows() if row.source == _NAME and row.name is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebDriver:
    """A machine with gateway v3, or a Linea Micra with v2; a `Driver`.

    Args:
        host: Its address.
        key: Its key, which is the token that it wants to see.
        port: Its TCP port.
        model: Its model, if its owner has named it.
        timeout: Seconds to wait for an answer.
        connect_timeout: Seconds to wait for a connection.
        keep_alive: Seconds of silence after which a stream is sent a ping; after twice as long again it is lost.
        show_secrets: Whether the Records show secrets.
    """

    host: str
    key: Key
    port: int = PORT
    model: str | None = None
    timeout: float = ANSWER_TIMEOUT
    connect_timeout: float = CONNECT_TIMEOUT
    keep_alive: float | None = 5.0  # a machine in standby may have nothing to say
    show_secrets: bool = False

    @property
    def generation(self) -> str:
        """Which one: v3."""
        return "v3"

    @property
    def name(self) -> str:
        """The machine's host:port."""
        return joined(self.host, self.port)

    @property
    def readable(self) -> Mapping[str, FieldKind]:
        """The names of all that the configuration and the stream tell."""
        return fields_of("v3")

    def connection(self, number: int, on_record: OnRecord | None = None, *, listens: bool = False) -> WebConnection:
        """Return a connection. Its reads and its stream are TCP connections with the same number in their Records."""
        make = requesters(self.key, show_secrets=self.show_secrets)

        def client(streams: bool) -> Client[Get]:  # noqa: FBT001 -- one of two kinds
            return Client(
                self.host,
                self.port,
                make,
                timeout=self.timeout,
                connect_timeout=self.connect_timeout,
                stream=number,
                keep_alive=self.keep_alive if streams else None,
                on_record=on_record,
                refused=_CLOSED_SINCE,
            )

        return WebConnection(client, listens=listens)

    def snapshot(self) -> Sequence[Query[Get]]:
        """Return the only question that there is."""
        return [Query(_NAME, CONFIGURATION)]

    def polls(self, names: Iterable[str] = ()) -> Sequence[Query[Get]]:
        """Return the question for the configuration: now and then, for the stream tells what changes.

        Args:
            names: The only values that are wanted; if the configuration has none of them, nothing is asked.

        Raises:
            UnsupportedError: Gateway v3 does not tell one of them.
        """
        wanted = list(names)
        for name in wanted:
            self._check(name)
        if wanted and _asked_for().isdisjoint(wanted):
            return []
        return [Query(_NAME, CONFIGURATION, _OFTEN)]

    def queries_of(self, names: Iterable[str]) -> Sequence[tuple[Query[Get], Sequence[str]]]:
        """Return the question for the configuration, with the values that are wanted of it.

        Raises:
            UnsupportedError: Gateway v3 does not tell one of them, or only as it happens.
        """
        wanted = list(names)
        for name in wanted:
            self._check(name)
            if name not in _asked_for():
                raise UnsupportedError(
                    f"{name} cannot be asked for: gateway v3 tells it only as it happens, which `lmdecode watch` shows"
                )
        return [(Query(_NAME, CONFIGURATION), wanted)] if wanted else []

    def plan(self, name: str, words: Sequence[Word] = (), options: Mapping[str, Word | None] | None = None) -> NoReturn:
        """Raises an error: there is nothing to set.

        Raises:
            UnsupportedError: Always.
        """
        del words, options
        raise UnsupportedError(f"{name} cannot be set: {NO_WRITES}")

    def _check(self, name: str) -> None:
        if name not in self.readable:
            raise UnsupportedError(
                f"gateway v3 does not tell {name}; `lmdecode registers --generation v3` lists what it tells"
            )
