"""A connection to a gateway of v3, over TCP: what it gets, and what it says of a peer that is none."""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from lmdecode.codec.record import Record
from lmdecode.codec.v3.requester import CONFIGURATION
from lmdecode.device.errors import (
    BadAnswerError,
    BusyError,
    ConnectionLostError,
    FloodError,
    MachineError,
    NoAnswerError,
    NoConnectionError,
    NotReadyError,
    UnsupportedError,
    WrongKeyError,
)
from lmdecode.device.session import Session, take_snapshot
from lmdecode.device.v3.connection import WebConnection, speaks_tls
from tests.codec.web_building import TEMPERATURES, answer, deflater, frame
from tests.device.v3.peer import (
    ANSWERING,
    BODY,
    CONFIG,
    REFUSED,
    TOKEN,
    Peer,
    Says,
    driver,
    for_ever,
    keeping_open,
    saying,
    streaming,
)

Uses = Callable[[WebConnection, Peer], Awaitable[object]]


@contextlib.asynccontextmanager
async def connected(
    peer: Peer, *, listens: bool = False, records: list[Record] | None = None
) -> AsyncIterator[WebConnection]:
    async with peer.listening() as machine:
        connection = machine.connection(3, None if records is None else records.append, listens=listens)
        try:
            await connection.connect()
            yield connection
        finally:
            await connection.close()


def run(peer: Peer, use: Uses, *, listens: bool = False, records: list[Record] | None = None) -> object:
    async def go() -> object:
        async with connected(peer, listens=listens, records=records) as connection:
            return await use(connection, peer)

    return asyncio.run(go())


def error_of(config: Says = ANSWERING, stream: Says | None = None) -> MachineError:
    """The error that comes of asking, or of listening; within little time and memory."""
    peer = Peer(config) if stream is None else Peer(config, stream)

    async def use(connection: WebConnection, _: Peer) -> object:
        if stream is None:
            return await connection.ask(CONFIGURATION)
        raise await asyncio.wait_for(connection.wait_lost(), 5)

    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(MachineError) as caught:
        run(peer, use, listens=stream is not None)
    assert time.monotonic() - begun < 4
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10
    assert "\n" not in str(caught.value)
    assert TOKEN not in str(caught.value)
    return caught.value


def test_the_configuration_is_read_over_one_connection_each() -> None:
    records: list[Record] = []

    async def use(connection: WebConnection, peer: Peer) -> None:
        assert connection.lost is None
        for _ in range(2):
            assert (await connection.ask(CONFIGURATION)).fields["coffee_temp"] == 81.5
        assert connection.lost is None
        assert connection.name == f"127.0.0.1:{peer.port}"
        assert len(peer.heads) == 2

    run(Peer(), use, records=records)
    assert [record.role for record in records] == ["request", "response"] * 2
    assert {record.stream for record in records} == {3}
    assert len({record.source for record in records if record.sender == "app"}) == 2


def test_who_listens_has_the_configuration_first_and_it_is_not_read_again_at_once() -> None:
    records: list[Record] = []

    async def use(connection: WebConnection, peer: Peer) -> None:
        first = await connection.ask(CONFIGURATION)
        assert first is records[1]
        assert len(peer.heads) == 2
        assert await connection.ask(CONFIGURATION) is not first
        assert len(peer.heads) == 3
        assert connection.lost is None

    run(Peer(), use, listens=True, records=records)
    subjects = ["GET /api/v1/config", "200 GET /api/v1/config", "GET /api/v1/streaming", "101 GET /api/v1/streaming"]
    assert [record.subject for record in records[:4]] == subjects
    assert records[4].fields == {"coffee_temp": 93.5, "steam_temp": 128.0}
    assert sum(record.subject == "WebSocket close" for record in records) == 1


def test_requests_of_many_tasks_wait_for_each_other() -> None:
    async def use(connection: WebConnection, peer: Peer) -> None:
        answers = await asyncio.gather(*(connection.ask(CONFIGURATION) for _ in range(8)))
        assert {answer.fields["coffee_temp"] for answer in answers} == {81.5}
        assert len(peer.heads) == 8

    records: list[Record] = []
    run(Peer(), use, records=records)
    assert [record.role for record in records] == ["request", "response"] * 8


@pytest.mark.parametrize(
    "config",
    [
        saying(answer(BODY, b"Content-Type: application/json")),
        saying(answer(BODY, b"Connection: close", b"Content-Length: %d" % len(BODY))),
        keeping_open(answer(BODY, b"Connection: keep-alive", b"Content-Length: %d" % len(BODY))),
        keeping_open(answer(b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY), b"Transfer-Encoding: chunked")),
        saying(b"HTTP/1.0 200 OK\r\n\r\n" + BODY),
        keeping_open(b"HTTP/1.1 100 Continue\r\n\r\n" + CONFIG),
        for_ever(BODY, CONFIG),
    ],
)
def test_each_way_to_end_an_answer(config: Says) -> None:
    async def use(connection: WebConnection, _: Peer) -> None:
        assert (await connection.ask(CONFIGURATION)).fields["module_ser_num"] == "Sn2301012345"

    run(Peer(config), use)


@pytest.mark.parametrize(
    ("config", "error", "why"),
    [
        (
            saying(REFUSED),
            NotReadyError,
            "has no token yet, as after each power-up, or a token that is not this",
        ),
        (saying(REFUSED.replace(b"403", b"401")), WrongKeyError, "refuses the key with status 401: the key is not"),
        (saying(REFUSED.replace(b"403", b"302")), NoConnectionError, "sends GET /api/v1/config elsewhere"),
        (saying(REFUSED.replace(b"403", b"404")), NoConnectionError, "knows no GET /api/v1/config"),
        (saying(REFUSED.replace(b"403", b"500")), BadAnswerError, "status 500 rather than with values"),
        (saying(b""), BusyError, "closed the connection before it said anything: the machine takes one connection at"),
        (keeping_open(b""), BusyError, "but it says nothing: the machine takes one connection at a time"),
        (saying(b"SSH-2.0-OpenSSH\r\n"), NoConnectionError, "is not HTTP: is it the machine's address and port?"),
        (keeping_open(b"\0"), NoConnectionError, "is not HTTP"),
        (saying(b"\x15\x03\x03\0\x02\x02\x46"), NoConnectionError, "speaks TLS there, as commercial machines do"),
        (saying(CONFIG[:-9]), BadAnswerError, "is damaged: the connection ended inside the body"),
        (keeping_open(CONFIG[:-9]), BadAnswerError, "has no end: .* bytes of it in time"),
        (keeping_open(CONFIG[:30]), BadAnswerError, "has no end"),
        (saying(CONFIG[:30]), BadAnswerError, "is damaged|in the middle"),
        (saying(answer(BODY[:60])), BadAnswerError, "the JSON is damaged at character|is damaged"),
        (saying(answer(b'{"machineMode": no}')), BadAnswerError, "is damaged"),
        (saying(answer(b"{}")), NoConnectionError, "is no configuration"),
        (saying(answer(b"[" * 100_000)), BadAnswerError, "is damaged"),
        (saying(answer(b"zz\r\n", b"Transfer-Encoding: chunked")), BadAnswerError, "the body is damaged"),
        (for_ever(b"x" * 4096, b"HTTP/1.1 200 OK\r\n\r\n{"), FloodError, "far too much"),
        (for_ever(b"X: y\r\n" * 99, b"HTTP/1.1 200 OK\r\n"), NoConnectionError, "is not HTTP"),
        (for_ever(b"HTTP/1.1 100 Continue\r\n\r\n" * 99, pause=0.001), BadAnswerError, "has no end"),
        (for_ever(b"X", b"HTTP/1.1 200 OK\r\nX: ", pause=0.01), BadAnswerError, "has no end"),
        (
            for_ever(b"1\r\n[\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", pause=0.01),
            BadAnswerError,
            "no end",
        ),
    ],
)
def test_each_bad_answer_is_told_from_the_others(config: Says, error: type[MachineError], why: str) -> None:
    found = error_of(config)
    assert type(found) is error, found
    assert re.search(why, str(found)), found
    assert found.exit_code == (3 if isinstance(found, NoConnectionError) else 1)


@pytest.mark.parametrize(
    ("stream", "error", "why"),
    [
        (saying(b""), BusyError, "before it said anything: another program has the stream"),
        (keeping_open(b""), BusyError, "but it says nothing: another program has the stream"),
        (saying(REFUSED), BusyError, "refuses the stream with status 403: another program has the stream"),
        (saying(REFUSED.replace(b"403", b"503")), BusyError, "refuses the stream with status 503"),
        (saying(CONFIG), NoConnectionError, "does not begin the stream"),
        (streaming(saying(b"")), BusyError, "closed the connection as soon as the stream had begun: another program"),
        (streaming(saying(frame(b"\x03\xf5", 8))), BusyError, r"closed the stream \(1013\) as soon as it had begun"),
        (streaming(saying(frame(TEMPERATURES))), ConnectionLostError, "closed the connection$"),
        (streaming(saying(frame(TEMPERATURES) + frame(b"", 8))), ConnectionLostError, "closed the stream$"),
        (streaming(keeping_open(b"")), ConnectionLostError, "went silent: it has said nothing for 0.6 s$"),
        (streaming(keeping_open(frame(TEMPERATURES)[:9])), ConnectionLostError, "went silent"),
        (streaming(keeping_open(b"\x81\x7f\x10" + bytes(7))), ConnectionLostError, "no frame of a WebSocket"),
        (
            streaming(for_ever(frame(b" " * 60_000, 0, final=False), frame(b"[", final=False))),
            FloodError,
            "far too much",
        ),
        (streaming(for_ever(frame(TEMPERATURES) * 99)), FloodError, "far too much"),
        (streaming(for_ever(frame(b"?", 9) * 99)), FloodError, "far too much"),
        (
            streaming(for_ever(frame(deflater(takeover=False)(b"[" + b" " * 900_000 + b"]"), rsv1=True))),
            FloodError,
            "far too much",
        ),
    ],
)
def test_each_bad_stream_is_told_from_the_others(stream: Says, error: type[MachineError], why: str) -> None:
    found = error_of(stream=stream)
    assert type(found) is error, found
    assert re.search(why, str(found)), found
    assert found.exit_code == 3


def test_a_machine_that_answers_pings_is_there_however_silent() -> None:
    async def pongs(_head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readexactly(6) == b"":
            pass
        writer.write(frame(b"", 10))
        while await reader.read(6):
            writer.write(frame(b"", 10))

    async def use(connection: WebConnection, _: Peer) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.wait_lost(), 1.2)

    run(Peer(stream=streaming(pongs)), use, listens=True)


def test_a_read_that_fails_leaves_the_stream_alone() -> None:
    async def use(connection: WebConnection, peer: Peer) -> None:
        await connection.ask(CONFIGURATION)  # what connecting has read
        peer.config = saying(REFUSED)
        with pytest.raises(NoAnswerError, match="has no token yet"):
            await connection.ask(CONFIGURATION)
        assert connection.lost is None
        peer.config = saying(REFUSED.replace(b"403", b"401"))
        with pytest.raises(WrongKeyError):
            await connection.ask(CONFIGURATION)
        peer.config = saying(CONFIG)
        assert (await connection.ask(CONFIGURATION)).fields["power"] is True

    run(Peer(), use, listens=True)


def test_no_stream_is_asked_for_where_the_configuration_is_refused() -> None:
    peer = Peer(saying(REFUSED))

    async def use(_connection: WebConnection, _peer: Peer) -> None: ...

    with pytest.raises(NotReadyError):
        run(peer, use, listens=True)
    assert len(peer.heads) == 1


def test_a_read_is_tried_again_but_not_what_will_not_change() -> None:
    async def snapshot(peer: Peer) -> object:
        async with peer.listening() as machine:
            session = Session(machine.connection, pause=0.01)
            try:
                return (await take_snapshot(session, machine.snapshot())).fields["coffee_temp"]
            finally:
                await session.close()

    def failing_once(data: bytes) -> Peer:
        async def say(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await saying(data if len(peer.heads) == 1 else CONFIG)(head, reader, writer)

        peer = Peer(say)
        return peer

    assert asyncio.run(snapshot(failing_once(CONFIG[:-9]))) == 81.5
    for refused, error in ((REFUSED, NotReadyError), (REFUSED.replace(b"403", b"401"), WrongKeyError)):
        peer = failing_once(refused)
        with pytest.raises(error):
            asyncio.run(snapshot(peer))
        assert len(peer.heads) == 1


def test_nothing_listens_and_nothing_is_set() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
    connection = driver(port).connection(0)
    with pytest.raises(NoConnectionError, match=r"its gateway was updated to v5, .* has closed this port"):
        asyncio.run(connection.connect())
    with pytest.raises(UnsupportedError, match="takes no command: use the maker's app"):
        asyncio.run(connection.write(CONFIGURATION))
    asyncio.run(connection.close())
    assert isinstance(connection.lost, ConnectionLostError)
    with pytest.raises(ConnectionLostError):
        asyncio.run(connection.ask(CONFIGURATION))


def test_who_waits_for_the_end_without_a_stream_waits_until_it_disconnects() -> None:
    async def use(connection: WebConnection, _: Peer) -> MachineError:
        waiting = asyncio.create_task(connection.wait_lost())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await connection.close()
        return await waiting

    assert "disconnected from" in str(run(Peer(), use))


def test_a_server_with_tls_is_told_from_a_busy_machine() -> None:
    """Most servers with TLS close without a word when they are spoken to in plain."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.read(3)).startswith(b"\x16\x03"):
            writer.write(b"\x15\x03\x03\0\x02\x02\x28")
        writer.close()

    async def go() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            connection = driver(server.sockets[0].getsockname()[1]).connection(0)
            await connection.connect()
            try:
                await connection.ask(CONFIGURATION)
            finally:
                await connection.close()

    with pytest.raises(NoConnectionError, match="speaks TLS there, as commercial machines do"):
        asyncio.run(go())

    async def plain() -> bool:
        async with Peer(saying(CONFIG)).listening() as machine:
            return await speaks_tls(machine.host, machine.port)

    assert asyncio.run(plain()) is False
