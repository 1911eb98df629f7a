"""What a machine speaks whose port does not tell, over TCP."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from lmdecode.codec.v1.key import Key
from lmdecode.device import probing
from lmdecode.device.discovery import Found
from lmdecode.device.probing import generation_at, with_generations
from lmdecode.simulator.machine import Machine
from lmdecode.simulator.server import Server

LOOPBACK = "127.0.0.1"
KEY = Key.parse("12345678901234567890123456789012")


@contextlib.asynccontextmanager
async def listening(answer=b"", *, asks=True):
    """Something that answers whoever says something, or whoever connects; yields its port and what it was told."""
    told = []

    async def take(reader, writer):
        with contextlib.suppress(OSError):
            if asks:
                told.append(await reader.read(1000))
            writer.write(answer)
            await writer.drain()
            told.append(await reader.read(1000))
            writer.close()

    server = await asyncio.start_server(take, LOOPBACK, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], told


def probed(answer, *, asks=True, seconds=0.2):
    async def go():
        async with listening(answer, asks=asks) as (port, told):
            return await generation_at(LOOPBACK, port, seconds=seconds), b"".join(told)

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b'HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n\r\n{"error":"x"}', "v3"),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", "v3"),
        (b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\n\r\n", "v3"),
        (b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="camera"\r\n\r\n', ""),
        (b'HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Digest realm="camera"\r\n\r\n', ""),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", ""),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", ""),
        (b"\x15\x03\x01\x00\x02\x02\x46", ""),
        (b"SSH-2.0-x", ""),
        (b"", ""),
    ],
)
def test_what_answers_a_question_without_a_token(answer, expected):
    shown, told = probed(answer)
    assert shown == expected
    assert told.startswith(b"GET /api/v1/config HTTP/1.1\r\n")
    assert b"uthorization" not in told


def test_who_speaks_first_is_asked_nothing():
    for said, expected in ((b"@AAAA%", "v1"), (b"SSH-2.0-OpenSSH_9.6\r\n", ""), (b"@", "")):
        shown, told = probed(said, asks=False)
        assert (shown, told) == (expected, b"")


def test_a_simulated_machine_on_another_port_is_known_by_its_reports():
    async def go():
        async with Server(Machine("GS3 AV"), KEY) as server:
            return await generation_at(server.host, server.port)

    assert asyncio.run(go()) == "v1"


def test_nobody_listens():
    async def go():
        async with listening() as (port, _):
            pass
        return await generation_at(LOOPBACK, port, seconds=0.1)

    assert asyncio.run(go()) == ""


def test_the_ports_of_v1_and_of_v3_are_tried_where_a_machine_tells_none(monkeypatch):
    asked = []

    async def at(host, port):
        asked.append((host, port))
        return "v1" if port == 1774 else ""

    monkeypatch.setattr(probing, "generation_at", at)
    here = Found("GS1", addresses=("8.8.8.8", "192.168.1.7"))
    found = [here, Found("GS2", addresses=("192.168.1.8",), port=1774, generation="v1")]
    assert [each.generation for each in asyncio.run(with_generations(found))] == ["v1", "v1"]
    assert asked == [("192.168.1.7", 8081), ("192.168.1.7", 1774)]


@pytest.mark.parametrize(
    ("address", "trusted", "tried"),
    [
        ("127.0.0.1", [], False), ("127.0.0.1", ["127.0.0.1"], True), ("127.0.0.1", ["192.168.1.2"], False),
        ("8.8.8.8", [], False), ("224.0.0.251", [], False), ("0.0.0.0", [], False), ("255.255.255.255", [], False),
        ("fe80::1%eth0", [], True), ("10.0.0.7", [], True), ("2001:4860:4860::8888", [], False), ("::1", [], False),
    ],
)  # fmt: skip
def test_a_stranger_cannot_have_this_computer_talk_to_whom_he_likes(monkeypatch, address, trusted, tried):
    asked = []

    async def at(host, _port):
        asked.append(host)
        return ""

    monkeypatch.setattr(probing, "generation_at", at)
    asyncio.run(with_generations([Found("GS1", addresses=(address,), port=4711)], trusted=trusted))
    assert bool(asked) is tried


def test_only_so_many_are_tried(monkeypatch):
    asked = []

    async def at(host, _port):
        asked.append(host)
        return ""

    monkeypatch.setattr(probing, "generation_at", at)
    found = [Found(f"GS{number}", addresses=("10.0.0.7",), port=4711) for number in range(100)]
    assert len(asyncio.run(with_generations(found))) == 100
    assert len(asked) == 16
