"""The simulated machine on the network: one connection at a time, like a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lmdecode.codec.dialect import Place
from lmdecode.codec.errors import FrameError
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.framing import Deframer, Frame, unwrap
from lmdecode.codec.v1.key import Key, decrypt
from lmdecode.codec.v1.message import Message, parse_leniently
from lmdecode.simulator.faults import Faults, Then, frame, other_key, outgoing
from lmdecode.simulator.listening import BACKLOG, PATIENCE, PIECE, Connection, Listener, peer_name, reset
from lmdecode.simulator.machine import REFUSED, Machine

Ticker = Callable[[float], list[Message]]
"""Lets some seconds pass; returns what the machine sends meanwhile."""


class Server(Listener[Message]):
    """Serves a machine over TCP.

    Args:
        machine: The machine; writes of clients and time change it.
        key: Its key.
        host: The address to listen on.
        port: The port; 0 for any free one, which `port` has once it listens.
        faults: The faults to simulate.
        speed: Simulated seconds per real second.
        refuse_second: Whether to refuse a second client instead of letting it wait until the first is gone.
        tick: Lets time pass for the machine; None: the machine's own `advance`.
        on_record: Takes the Record of each message.
        on_note: Takes everything else that happens, in words.
    """

    def __init__(
        self,
        machine: Machine,
        key: Key,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Faults | None = None,
        speed: float = 1.0,
        refuse_second: bool = False,
        tick: Ticker | None = None,
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
        self.faults = Faults() if faults is None else faults
        self.on_record = on_record
        self.connections = 0
        """The number of connections until now."""
        self._refuse_second = refuse_second
        self._turn = asyncio.Lock()
        self._active: Connection | None = None

    def prepare(self) -> None:
        """Decodes a message, so that whatever that needs is loaded while there are files to be opened."""
        conversation = Conversation(FrameDecoder(self.key), Place(0, "", ""))
        conversation.receive(0, "app", frame(self.key, Message(Kind.READ, 0, 1)))

    def spread(self, said: list[Message]) -> None:
        """Sends what the machine has said by itself to the client that is connected."""
        connection = self._active
        if connection is None or connection.muted or connection.writer.transport.get_write_buffer_size() > BACKLOG:
            return
        key = other_key(self.key) if self.faults.all_under_wrong_key else self.key
        for message in said:
            connection.send(frame(key, message))

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talks with a client, one at a time."""
        name = peer_name(writer)
        if self._turn.locked():
            if self._refuse_second:
                self._note(f"{name} refused: one connection at a time")
                return
            self._note(f"{name} waits: one connection at a time")
        async with self._turn:
            if reader.at_eof():  # it gave up waiting
                self._note(f"{name} is gone")
                return
            fault = self.faults.for_connection()
            self._note(f"{name} connected" + (f", fault {fault.name}" if fault else ""))
            if fault and fault.name == "busy":
                return
            place = Place(self.connections, name, f"{self.host}:{self.port}")
            connection = Connection(writer, Conversation(FrameDecoder(self.key), place), self.on_record)
            self.connections += 1
            connection.muted = fault is not None
            self._active = connection
            try:
                await self._converse(reader, connection)
            finally:
                self._active = None
                connection.finish()
                self._note(f"{name} disconnected")

    async def _converse(self, reader: asyncio.StreamReader, connection: Connection) -> None:
        deframer = Deframer()
        while data := await reader.read(PIECE):
            connection.note("app", data)
            for event in deframer.feed(data):
                if connection.muted or not isinstance(event, Frame):
                    continue
                then = await self._answer(event, connection)
                if then is Then.MUTE:
                    connection.muted = True
                elif then is not Then.GO_ON:
                    if then is Then.RESET:
                        reset(connection.writer)
                    return

    async def _answer(self, event: Frame, connection: Connection) -> Then:
        """Answers a frame if it is a request; returns what happens to the connection then."""
        try:
            message, problems, _ = parse_leniently(decrypt(self.key, unwrap(event.body)))
        except FrameError as error:
            message, problems = None, (str(error),)
        if message is None or problems:
            self._note(f"ignored: {'; '.join(problems)}")
            return Then.GO_ON
        if message.kind is Kind.STREAM or (message.data is None) is not (message.kind is Kind.READ):
            self._note("ignored: no request")
            return Then.GO_ON
        fault = self.faults.for_answer(message.kind)
        if fault is not None:
            self._note(f"fault {fault.name}")
        if fault is not None and fault.name == "no-ok":
            answer: Message | None = Message(Kind.WRITE, message.address, message.length, status=REFUSED)
        else:
            answer = self.machine.receive(message)
            self._tell_notes()
        if answer is None:
            return Then.GO_ON
        leaving = outgoing(answer, self.key, fault, self.faults.random)
        if leaving.delay:
            await asyncio.sleep(leaving.delay)
        connection.send(leaving.data)
        async with asyncio.timeout(PATIENCE):  # wait_for before Python 3.12 can swallow a cancellation
            await connection.writer.drain()
        return leaving.then
