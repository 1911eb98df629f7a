"""A simulated machine with gateway v3 on the network: HTTP for any number of clients, and one stream.

It is built on h11 and wsproto, which have no sockets in them, over asyncio, and not on a web framework such as aiohttp.
Both are in the base install, since captures are read with them. And most of the faults are bytes that no framework
would send: half an answer, a frame that is none, a reset.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, NamedTuple

import h11

from lmdecode.codec.dialect import RECORDS, Conversation, MachineKey, OwnerAccess, Place, Tally
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v3.conversation import speaker
from lmdecode.simulator import json_documents as documents
from lmdecode.simulator.faults import Faults, On, Then
from lmdecode.simulator.happenings import Items
from lmdecode.simulator.json_machine import JsonMachine
from lmdecode.simulator.listening import BACKLOG, PATIENCE, PIECE, Connection, Listener, peer_name, reset
from lmdecode.simulator.v3.faults import TLS_ALERT, V3_FAULTS, Answer, outgoing, spoiled, spoiled_text
from lmdecode.simulator.v3.stream import Form, NoWebSocketError, Stream, opening, temperatures, text_of

_CONFIGURATION: Final = "/api/v1/config"
_STREAMING: Final = "/api/v1/streaming"
LOADED_AFTER: Final = 2.0
"""Seconds from the start of a machine until the cloud has loaded its token, before which it answers 403. A real one
waits until an app asks the cloud for that, and then takes about three."""
_IDLE: Final = 60.0  # s that a client may say nothing outside of the stream
_LONGEST_REQUEST: Final = 1 << 16  # bytes; none that means anything has a body
_KEEP_ALIVE: Final = 10.0  # s of silence, after which the machine says that it is there
_FLOOD: Final = 100  # texts that are said at once in a flood


class _Listening(NamedTuple):
    """The client that listens to the stream."""

    connection: Connection
    stream: Stream


class Server(Listener[Items]):
    """Serves a machine over HTTP and a WebSocket.

    Args:
        machine: The machine; time changes it.
        key: Its key, which is the bearer token that it takes.
        host: The address to listen on.
        port: The port; 0 for any free one, which `port` has once it listens.
        faults: The faults to simulate, of `V3_FAULTS`.
        speed: Simulated seconds per real second.
        refuse_second: Whether to refuse a second client of the stream instead of letting it wait.
        form: How the texts of the stream are written.
        loaded_after: Seconds from the start until its token is loaded; the fault `late-token` has precedence.
        tick: Lets time pass for the machine; None: the machine's own `advance`.
        on_record: Takes the Record of each message.
        on_note: Takes everything else that happens, in words.
    """

    def __init__(
        self,
        machine: JsonMachine,
        key: Key,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Faults | None = None,
        speed: float = 1.0,
        refuse_second: bool = False,
        form: Form = Form.MEMBERS,
        loaded_after: float = LOADED_AFTER,
        tick: Callable[[float], list[Items]] | None = None,
        on_record: Callable[[Record], None] | None = None,
        on_note: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(
            host,
            port,
            speed=speed,
            tick=machine.advance if tick is None else tick,
            take_notes=machine.take_notes,
            on_note=on_note,
        )
        self.machine = machine
        self.key = key
        self.faults = Faults(table=V3_FAULTS) if faults is None else faults
        self.on_record = on_record
        self.connections = 0
        """The number of connections until now."""
        self._refuse_second = refuse_second
        self._form = form
        self._loaded_after = loaded_after
        self._speaker = speaker(OwnerAccess(keys=(MachineKey(machine.serial_number, key),)))
        self._turn = asyncio.Lock()
        self._listening: _Listening | None = None
        self._started = self._said = self._read = 0.0  # s of the loop's clock

    def prepare(self) -> None:
        """Notes when it starts, and loads what answers need while there are files to be opened."""
        self._started = asyncio.get_running_loop().time()
        self._conversation("").receive(0, "app", b"GET /api/v1/config HTTP/1.1\r\nHost: a\r\n\r\n")

    def _conversation(self, client: str) -> Conversation[Record]:
        place = Place(self.connections, client, f"{self.host}:{self.port}")
        return self._speaker.conversation(RECORDS, place, Tally())

    @property
    def _loaded(self) -> bool:
        """Whether the token is loaded."""
        late = self.faults.argument_of("late-token")
        after = self._loaded_after if late is None else late
        return asyncio.get_running_loop().time() - self._started >= after

    def spread(self, said: list[Items]) -> None:
        """Sends what the machine has said by itself to the client that listens."""
        listening = self._listening
        if listening is None or listening.stream.mute or listening.stream.over:
            return
        now = asyncio.get_running_loop().time()
        if listening.connection.writer.transport.get_write_buffer_size() > BACKLOG:
            if now - self._read > PATIENCE:
                self._note("a client that does not read is let go")
                listening.connection.writer.transport.abort()
            return
        self._read = now
        if not said and now - self._said >= _KEEP_ALIVE:
            said = [{"KeepAlive": True}]
        for items in said:
            self._say(listening, text_of(items, self._form))

    def _say(self, listening: _Listening, text: str) -> None:
        fault = self.faults.befalling(On.EVENT)
        if fault is not None:
            self._note(f"fault {fault.name}")
        said = spoiled_text(text, fault)
        self._said = asyncio.get_running_loop().time()
        if said:
            listening.connection.send(listening.stream.text(said) if isinstance(said, str) else said)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talks with a client."""
        name = peer_name(writer)
        fault = self.faults.for_connection()
        if fault is not None:
            self._note(f"{name} connected, fault {fault.name}")
            if fault.name == "busy":
                return
        connection = Connection(writer, self._conversation(name), self.on_record)
        connection.muted = fault is not None
        self.connections += 1
        try:
            if fault is None:
                await self._converse(reader, connection, name)
                return
            while data := await _read(reader):
                connection.note("app", data)
                if fault.name == "tls":
                    connection.send(TLS_ALERT)
                    await _drain(connection)
                    return
        finally:
            connection.finish()

    async def _converse(self, reader: asyncio.StreamReader, connection: Connection, name: str) -> None:
        http = h11.Connection(h11.SERVER)
        while True:
            try:
                request = await _request(reader, connection, http)
            except h11.RemoteProtocolError as error:
                self._note(f"{name} speaks no HTTP: {error}")
                with contextlib.suppress(h11.LocalProtocolError):
                    connection.send(_response(http, Answer(error.error_status_hint, "", "text/plain")))
                return await _drain(connection)
            if request is None:
                return None
            if _path(request) == _STREAMING and _wants_websocket(request):
                return await self._open(reader, connection, name, http, request)
            then = await self._answer(connection, http, request)
            if then is Then.MUTE:
                return await _stay_silent(reader, connection)
            if then is Then.RESET:
                return reset(connection.writer)
            if then is Then.CLOSE or http.our_state is not h11.DONE:
                return None
            http.start_next_cycle()

    async def _answer(self, connection: Connection, http: h11.Connection, request: h11.Request) -> Then:
        """Answers a request; returns what happens to the connection then."""
        answer = self._refusal(request)
        fault = None
        if answer is None:
            answer = self._found(request)
            fault = self.faults.for_answer(Kind.READ) if answer.status == 200 else None
        if fault is not None:
            self._note(f"fault {fault.name}")
        leaving = outgoing(_response(http, spoiled(answer, fault)), fault, self.faults.random)
        if leaving.delay:
            await asyncio.sleep(leaving.delay)
        connection.send(leaving.data)
        await _drain(connection)
        return leaving.then

    def _refusal(self, request: h11.Request) -> Answer | None:
        """Returns the answer to a request that may not be made, None if it may."""
        fault = self.faults.befalling(On.TOKEN)
        if fault is not None:
            self._note(f"fault {fault.name}")
        if (fault is not None and fault.name == "forbidden") or not self._loaded:
            return Answer(403, "Forbidden", "text/plain")
        if fault is not None or not self._knows(request):
            return Answer(401, "Unauthorized", "text/plain")
        return None

    def _knows(self, request: h11.Request) -> bool:
        """Whether a request has the token: the key's bytes, or the UTF-8 of the characters with these numbers."""
        scheme, _, token = _header(request, b"authorization").partition(b" ")
        known = {self.key.secret, self.key.secret.decode("latin-1").encode()}
        return scheme.lower() == b"bearer" and token.strip() in known

    def _found(self, request: h11.Request) -> Answer:
        path = _path(request)
        if path not in {_CONFIGURATION, _STREAMING}:
            return Answer(404, "Not Found", "text/plain")
        if request.method != b"GET":
            return Answer(405, "Method Not Allowed", "text/plain")
        if path == _STREAMING:
            return Answer(426, "Upgrade Required", "text/plain")
        found = documents.configuration(self.machine, weekly=self._form is Form.ITEMS)
        return Answer(200, json.dumps(found, separators=(",", ":")))

    async def _open(
        self,
        reader: asyncio.StreamReader,
        connection: Connection,
        name: str,
        http: h11.Connection,
        request: h11.Request,
    ) -> None:
        """Opens the stream for a client, when it has its turn."""
        refused = self._refusal(request)
        if refused is None:
            try:
                stream = Stream(list(request.headers), request.target.decode("latin-1"))
            except NoWebSocketError as error:
                refused = Answer(400, str(error), "text/plain")
        if refused is not None:
            connection.send(_response(http, refused))
            return await _drain(connection)
        if self._turn.locked():
            if self._refuse_second:
                return self._note(f"{name} refused: one stream at a time")
            self._note(f"{name} waits: one stream at a time")
        async with self._turn:
            if reader.at_eof():  # it gave up waiting
                return self._note(f"{name} is gone")
            fault = self.faults.befalling(On.STREAM)
            self._note(f"{name} listens" + (f", fault {fault.name}" if fault else ""))
            try:
                connection.send(stream.accept())
                await self._stream(
                    reader, _Listening(connection, stream), fault.name if fault else "", http.trailing_data[0]
                )
            except NoWebSocketError as error:
                self._note(f"{name} speaks no WebSocket: {error}")
            finally:
                self._listening = None
                self._note(f"{name} listens no more")

    async def _stream(self, reader: asyncio.StreamReader, listening: _Listening, fault: str, data: bytes) -> None:
        connection, stream = listening
        if fault == "close-stream":
            connection.send(stream.close())
            return await _drain(connection)
        stream.mute = fault == "silent"
        self._said = self._read = asyncio.get_running_loop().time()
        if not stream.mute:
            for text in opening(self.machine, self._form):
                self._say(listening, text)
            self._listening = listening
        flooding = asyncio.create_task(self._flood(listening)) if fault == "flood" else None
        try:
            connection.send(stream.receive(data))  # what came with the request
            while not stream.over and (data := await _read(reader)):
                connection.note("app", data)
                connection.send(stream.receive(data))
                if not stream.mute:
                    await _drain(connection)
        finally:
            if flooding is not None:
                flooding.cancel()
                await asyncio.gather(flooding, return_exceptions=True)

    async def _flood(self, listening: _Listening) -> None:
        """Says the temperatures as fast as the client reads."""
        while not listening.stream.over:
            for _ in range(_FLOOD):
                listening.connection.send(listening.stream.text(text_of(temperatures(self.machine), self._form)))
            await _drain(listening.connection)
            await asyncio.sleep(0)


async def _request(reader: asyncio.StreamReader, connection: Connection, http: h11.Connection) -> h11.Request | None:
    """Returns the next request when it is whole, None if the client has had enough."""
    request: h11.Request | None = None
    size = 0
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            async with asyncio.timeout(_IDLE):
                data = await _read(reader)
            size += len(data)
            if size > _LONGEST_REQUEST:
                raise h11.RemoteProtocolError("a request without an end", error_status_hint=413)
            connection.note("app", data)
            http.receive_data(data)
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.EndOfMessage):
            return request
        elif isinstance(event, h11.ConnectionClosed):
            return None


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Returns what a client says next; before that, others have their turn, also if it never stops talking."""
    await asyncio.sleep(0)
    return await reader.read(PIECE)


async def _stay_silent(reader: asyncio.StreamReader, connection: Connection) -> None:
    connection.muted = True
    while data := await _read(reader):
        connection.note("app", data)


async def _drain(connection: Connection) -> None:
    async with asyncio.timeout(PATIENCE):  # wait_for before Python 3.12 can swallow a cancellation
        await connection.writer.drain()


def _path(request: h11.Request) -> str:
    return request.target.decode("latin-1").partition("?")[0]


def _header(request: h11.Request, name: bytes) -> bytes:
    return next((value for each, value in request.headers if each == name), b"")


def _wants_websocket(request: h11.Request) -> bool:
    return request.method == b"GET" and _header(request, b"upgrade").lower() == b"websocket"


def _response(http: h11.Connection, answer: Answer) -> bytes:
    """Returns the bytes of an answer."""
    body = answer.body.encode()
    headers = [("Content-Type", answer.kind), ("Content-Length", str(len(body)))]
    response = h11.Response(status_code=answer.status, headers=headers, reason=HTTPStatus(answer.status).phrase)
    parts = (http.send(response), http.send(h11.Data(data=body)), http.send(h11.EndOfMessage()))
    return b"".join(part for part in parts if part)
