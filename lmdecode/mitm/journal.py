"""The log of what the machines and the app said: Records, as JSON Lines, appended to a file."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lmdecode.codec.record import Record
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoded import Decoder
from lmdecode.mitm.flows import Message, host_port, nanoseconds, sender
from lmdecode.render.records.jsonl import json_bytes

if TYPE_CHECKING:
    from mitmproxy.tcp import TCPFlow

__all__ = ["Journal"]


@dataclass(slots=True)
class _Connection:
    flow: TCPFlow
    stream: int
    conversation: Conversation
    waiting: deque[Message] = field(default_factory=deque)
    """Messages that are not on their way yet, because somebody may still change them."""


class Journal:
    """Logs messages as they are sent on, which is after the user and other addons have had them.

    Args:
        path: Appended to. A new file is its owner's alone: it tells when somebody is at home.
        decoder: With the keys.
        failed: Is told, once, why nothing more can be written.

    Raises:
        OSError: The file cannot be written.
    """

    def __init__(self, path: Path, decoder: Decoder, failed: Callable[[str], None]) -> None:
        self._path = path
        self._decoder = decoder
        self._failed = failed
        self._file: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._connections: dict[str, _Connection] = {}
        self._streams = 0
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
        """Nothing comes any more: write what is left, and close the file."""
        for task in self._tasks:
            task.cancel()
        for connection in self._connections.values():
            if connection.flow.intercepted:  # held back, so it was never sent
                connection.waiting.clear()
            self._settle(connection)
            self._close(connection)
        self._connections.clear()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    async def _when_sent(self, connection: _Connection) -> None:
        await asyncio.sleep(0)  # until then all other addons have had the message, and may hold it back
        await connection.flow.wait_for_resume()  # type: ignore[no-untyped-call]
        self._settle(connection)

    def _connection(self, flow: TCPFlow) -> _Connection:
        connection = self._connections.get(flow.id)
        if connection is None:
            connection = _Connection(flow, self._streams, self._conversation(flow, self._streams))
            self._connections[flow.id] = connection
            self._streams += 1
        return connection

    def _conversation(self, flow: TCPFlow, stream: int) -> Conversation:
        return Conversation(
            self._decoder,
            stream=stream,
            app=host_port(flow.client_conn.peername, "app"),
            machine=host_port(flow.server_conn.peername or flow.server_conn.address, "machine"),
        )

    def _settle(self, connection: _Connection) -> None:
        while connection.waiting:
            message = connection.waiting.popleft()
            time_ns = nanoseconds(message.timestamp)
            self._write(connection.conversation.receive(time_ns, sender(message), message.content))

    def _close(self, connection: _Connection) -> None:
        messages = connection.flow.messages
        if messages:
            self._write(connection.conversation.close(nanoseconds(messages[-1].timestamp)))

    def _write(self, records: Iterable[Record]) -> None:
        if self._file is None:
            return
        lines = memoryview(b"".join(map(json_bytes, records)))
        try:
            while lines:
                lines = lines[os.write(self._file, lines) :]
        except OSError as error:
            os.close(self._file)
            self._file = None
            self._failed(f"{self._path} cannot be written, so nothing more is logged: {error.strerror}")
