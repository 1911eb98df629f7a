"""The log of the addon `lm_traffic`: what app, machine and cloud say, as JSON Lines, in the order of sending."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lmdecode.capture.http.flow import Message, host_port, nanoseconds, sender
from lmdecode.codec.dialect import Place
from lmdecode.codec.record import Record
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import Decoder
from lmdecode.mitm.web import Part, WebFlows, parts_of, told
from lmdecode.render.records.jsonl import json_bytes

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow
    from mitmproxy.tcp import TCPFlow

    from lmdecode.codec.web import WebConversation


class LogFile:
    """The file that records are appended to. A new one is its owner's alone: it tells when somebody is at home.

    Args:
        path: The file.
        failed: Is told, once, why nothing more can be written.

    Raises:
        OSError: The file cannot be written.
    """

    def __init__(self, path: Path, failed: Callable[[str], None]) -> None:
        self._path = path
        self._failed = failed
        self._file: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._streams = 0

    def next_stream(self) -> int:
        """Return the number of the next connection."""
        self._streams += 1
        return self._streams - 1

    def write(self, records: Iterable[Record]) -> None:
        """Append records, a line each."""
        if self._file is None:
            return
        lines = memoryview(b"".join(map(json_bytes, records)))
        try:
            while lines:
                lines = lines[os.write(self._file, lines) :]
        except OSError as error:
            self.close()
            self._failed(f"{self._path} cannot be written, so nothing more is logged: {error.strerror}")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


@dataclass(slots=True)
class _Connection:
    flow: TCPFlow
    stream: int
    conversation: Conversation
    waiting: deque[Message] = field(default_factory=deque)
    """Messages that are not on their way yet, because somebody may still change them."""


class Journal:
    """Logs the messages of v1 as they are sent on, which is after the user and other addons have had them.

    Args:
        file: The log.
        decoder: With the keys.
    """

    def __init__(self, file: LogFile, decoder: Decoder) -> None:
        self._file = file
        self._decoder = decoder
        self._connections: dict[str, _Connection] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def use(self, decoder: Decoder) -> None:
        """Decode with other keys from here on."""
        self._decoder = decoder
        for connection in self._connections.values():
            connection.conversation = self._conversation(connection.flow, connection.stream)

    def start(self, flow: TCPFlow) -> None:
        """A connection begins; connections are numbered in the order of this."""
        self._connection(flow)

    def message(self, flow: TCPFlow) -> None:
        """A flow has got another message."""
        connection = self._connection(flow)
        self._settle(connection)  # those before it were sent on, or it would not be here
        connection.waiting.append(flow.messages[-1])
        if not flow.live:  # read from a file
            self._settle(connection)
            return
        task = asyncio.get_running_loop().create_task(self._when_sent(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def end(self, flow: TCPFlow) -> None:
        """A connection has ended."""
        connection = self._connections.pop(flow.id, None)
        if connection is not None:
            self._settle(connection)
            self._close(connection)

    def close(self) -> None:
        """Nothing comes any more: write what is left."""
        for task in self._tasks:
            task.cancel()
        for connection in self._connections.values():
            if connection.flow.intercepted:  # held back, so it was never sent
                connection.waiting.clear()
            self._settle(connection)
            self._close(connection)
        self._connections.clear()

    async def _when_sent(self, connection: _Connection) -> None:
        await asyncio.sleep(0)  # until then all other addons have had the message, and may hold it back
        await connection.flow.wait_for_resume()  # type: ignore[no-untyped-call]
        self._settle(connection)

    def _connection(self, flow: TCPFlow) -> _Connection:
        connection = self._connections.get(flow.id)
        if connection is None:
            stream = self._file.next_stream()
            connection = _Connection(flow, stream, self._conversation(flow, stream))
            self._connections[flow.id] = connection
        return connection

    def _conversation(self, flow: TCPFlow, stream: int) -> Conversation:
        return Conversation(
            self._decoder,
            Place(
                stream,
                host_port(flow.client_conn.peername, "app"),
                host_port(flow.server_conn.peername or flow.server_conn.address, "machine"),
            ),
        )

    def _settle(self, connection: _Connection) -> None:
        while connection.waiting:
            message = connection.waiting.popleft()
            time_ns = nanoseconds(message.timestamp)
            self._file.write(connection.conversation.receive(time_ns, sender(message), message.content))

    def _close(self, connection: _Connection) -> None:
        messages = connection.flow.messages
        if messages:
            self._file.write(connection.conversation.close(nanoseconds(messages[-1].timestamp)))


@dataclass(slots=True)
class _WebConnection:
    conversation: WebConversation
    waiting: deque[tuple[HTTPFlow, Part, int]] = field(default_factory=deque)
    exchanges: int = 0


class WebJournal:
    """Logs requests, answers and messages of WebSockets, likewise as they are sent on.

    Args:
        file: The log.
        flows: Tells which flows are a machine's or the maker's.
    """

    def __init__(self, file: LogFile, flows: WebFlows) -> None:
        self._file = file
        self._flows = flows
        self._connections: dict[str, _WebConnection] = {}
        self._numbers: dict[str, tuple[str, int]] = {}  # of each open flow: its connection, and the exchange's number
        self._tasks: set[asyncio.Task[None]] = set()

    def part(self, flow: HTTPFlow) -> None:
        """A flow has got another part: its request, its answer, or a message of its WebSocket."""
        place = self._numbers.get(flow.id)
        if place is None:
            place = self._begin(flow)
            if place is None:
                return
        name, number = place
        connection = self._connections[name]
        *_, last = parts_of(flow)
        connection.waiting.append((flow, last, number))
        if not flow.live:
            self._settle(connection)
            return
        task = asyncio.get_running_loop().create_task(self._when_sent(connection, flow))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def end(self, flow: HTTPFlow) -> None:
        """A flow is over; what waits is written when it is sent on."""
        self._numbers.pop(flow.id, None)

    def disconnected(self, client: str) -> None:
        """A client has gone: its conversations are over."""
        for name in [name for name in self._connections if name.startswith(f"{client} ")]:
            del self._connections[name]

    def close(self) -> None:
        """Nothing comes any more: write what is left."""
        for task in self._tasks:
            task.cancel()
        for connection in self._connections.values():
            self._settle(connection)
        self._connections.clear()
        self._numbers.clear()

    def _begin(self, flow: HTTPFlow) -> tuple[str, int] | None:
        host = self._flows.host_of(flow)
        if host is None:
            return None
        name = f"{flow.client_conn.id} {host}:{flow.request.port}"
        if "websocket" in flow.request.headers.get("upgrade", "").lower():
            name += f" {flow.id}"
        connection = self._connections.get(name)
        if connection is None:
            conversation = self._flows.opener(flow, host, self._file.next_stream())()
            if conversation is None:
                return None
            connection = self._connections[name] = _WebConnection(conversation)
        connection.exchanges += 1
        place = self._numbers[flow.id] = name, connection.exchanges
        return place

    async def _when_sent(self, connection: _WebConnection, flow: HTTPFlow) -> None:
        await asyncio.sleep(0)
        await flow.wait_for_resume()  # type: ignore[no-untyped-call]
        self._settle(connection)

    def _settle(self, connection: _WebConnection) -> None:
        while connection.waiting:
            flow, part, number = connection.waiting.popleft()
            if flow.intercepted:
                connection.waiting.appendleft((flow, part, number))
                return
            self._file.write(told(connection.conversation, flow, part, number))
