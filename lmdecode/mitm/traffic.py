"""The addon that shows and logs what app and machine say to each other, for `mitm_addons/lm_traffic.py`."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mitmproxy import ctx, exceptions

from lmdecode.capture.http.flow import Message, host_port, nanoseconds, sender
from lmdecode.codec.dialect import Place
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Record
from lmdecode.codec.v1 import PORT
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import Decoder, decoder_for
from lmdecode.config.keys import NoKeyError, find_keys
from lmdecode.mitm.contentview import Reader, add_view, remove_view
from lmdecode.mitm.hooks import add_shared_options, is_machine, path_of, reports_errors, say
from lmdecode.render.records.jsonl import json_bytes

if TYPE_CHECKING:
    from mitmproxy.addonmanager import Loader
    from mitmproxy.flow import Flow
    from mitmproxy.tcp import TCPFlow


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


_NAME: Final = "lm_traffic"
_NO_KEY: Final = (
    "no key, so nothing can be decrypted; the traffic flows on. Find the key with lmdecode harvest, "
    "or set lm_config to a config.json that has it"
)


class TrafficAddon:
    """Shows the machine's frames decrypted on all of mitmproxy's screens, and logs them if asked to."""

    name = _NAME

    def __init__(self) -> None:
        self._reader = Reader()
        self._decoder: Decoder | None = None
        self._journal: Journal | None = None
        self._running = self._told = False

    def load(self, loader: Loader) -> None:
        """Add the options, and the view."""
        add_shared_options(loader)
        loader.add_option("lm_port", int, PORT, "The machine's TCP port; connections to others are left alone.")
        loader.add_option("lm_log", str, "", "Append what app and machine say to this file, as JSON Lines.")
        add_view(self._reader)

    @reports_errors
    def configure(self, updated: set[str]) -> None:
        """Take over the options. While mitmproxy is running, one that is wrong is taken back."""
        try:
            self._configure(updated)
        except LmdecodeError as error:
            if self._running:
                raise exceptions.OptionsError(f"{_NAME}: {error}") from None  # type: ignore[no-untyped-call]
            raise

    def _configure(self, updated: set[str]) -> None:
        options = ctx.options
        self._reader.port = options.lm_port
        if updated & {"lm_config", "lm_show_secrets"}:
            named = path_of(options.lm_config) if options.lm_config else None
            self._use_keys(named)
        if "lm_log" in updated:
            journal = self._open_journal(options.lm_log)
            self._close_journal()
            self._journal = journal

    def _use_keys(self, config: Path | None) -> None:
        """Decrypt with the keys that there are now; the first time there may be none."""
        try:
            machines, _ = find_keys([], config, settings="set lm_config")
        except NoKeyError:
            if self._decoder is not None:
                raise
            if not self._told:
                self._told = True
                say(self, logging.WARNING, _NO_KEY)
            return
        self._decoder = decoder_for(machines, show_secrets=ctx.options.lm_show_secrets)
        self._reader.use(machines, self._decoder)
        if self._journal is not None:
            self._journal.use(self._decoder)

    def _open_journal(self, name: str) -> Journal | None:
        if not name:
            return None
        if self._decoder is None:
            raise LmdecodeError("no key, so there is nothing to log: set lm_config first")
        path = path_of(name)
        try:
            return Journal(path, self._decoder, functools.partial(say, self, logging.ERROR))
        except OSError as error:
            raise LmdecodeError(f"the lm_log {path} cannot be written: {error.strerror}") from None

    def _close_journal(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def running(self) -> None:
        """From now on, options are changed by the user."""
        self._running = True

    @reports_errors
    def tcp_start(self, flow: TCPFlow) -> None:
        """A connection begins."""
        if self._journal is not None and self._is_mine(flow):
            self._journal.start(flow)

    @reports_errors
    def tcp_message(self, flow: TCPFlow) -> None:
        """A connection has brought something."""
        if self._journal is not None and self._is_mine(flow):
            self._journal.message(flow)

    @reports_errors
    def tcp_end(self, flow: TCPFlow) -> None:
        """A connection has ended."""
        if self._journal is not None:
            self._journal.end(flow)

    @reports_errors
    def tcp_error(self, flow: TCPFlow) -> None:
        """A connection has broken."""
        if self._journal is not None:
            self._journal.end(flow)

    @reports_errors
    def done(self) -> None:
        """The addon is taken away, or mitmproxy ends."""
        self._close_journal()
        remove_view()

    def _is_mine(self, flow: Flow) -> bool:
        return is_machine(flow, self._reader.port)
