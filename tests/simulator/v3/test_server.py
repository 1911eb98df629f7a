"""The simulator with gateway v3 on the wire, in the tests' own event loop."""

from __future__ import annotations

import asyncio
import json
import os
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.events import CloseConnection, Ping, Pong, TextMessage

from lmdecode.codec.v1.key import Key
from lmdecode.codec.vocabulary import read
from lmdecode.simulator import listening as limits
from lmdecode.simulator.families import FAMILIES
from lmdecode.simulator.faults import Fault, Faults
from lmdecode.simulator.json_machine import JsonMachine
from lmdecode.simulator.listening import ServerError
from lmdecode.simulator.v3 import server as simulator
from lmdecode.simulator.v3.faults import TLS_ALERT, V3_FAULTS
from lmdecode.simulator.v3.server import Server
from lmdecode.simulator.v3.stream import Form
from tests.simulator.v3.client import KEY, Listener, connected, listening, request, server


def upgrade(key=b"Sec-WebSocket-Key: SGVsbG8sIHdvcmxkIQ==\r\nSec-WebSocket-Version: 13\r\n"):
    end = b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n%b\r\n" % key
    return request("/api/v1/streaming").replace(b"\r\n\r\n", end)


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario(), 20))


@pytest.mark.parametrize("model", FAMILIES)
def test_the_configuration_says_what_the_machine_is(model):
    async def scenario():
        async with server(model=model) as machine, connected(machine) as client:
            status, body = await client.get()
            assert status == 200
            found = read("configuration", json.loads(body))
            assert not found.problems
            assert found.fields["model"] == model
            assert found.fields["coffee_temp"] == machine.machine.get("coffee_temp")
            assert (await client.get())[0] == 200  # on the same connection

    run(scenario)


def test_without_the_key_it_says_nothing():
    async def scenario():
        async with server() as machine, connected(machine) as client:
            for bearer in ("", "x" * 32, KEY.secret.decode()[:-1]):
                assert await client.get(bearer=bearer) == (401, "Unauthorized")
            assert (await client.get("/api/v1/other"))[0] == 404
            assert (await client.get("/api/v1/streaming"))[0] == 426
            assert (await client.get("/api/v1/config?x=1"))[0] == 200
            client.writer.write(request(method="DELETE"))
            assert (await client.reader.read(4096)).startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")

    run(scenario)


def test_a_key_of_any_bytes_is_a_token():
    async def scenario():
        key = Key(bytes(range(0xA0, 0xC0)))
        own = Server(JsonMachine(FAMILIES["Linea Mini"]), key, loaded_after=0)
        async with own as machine, connected(machine) as client:
            assert (await client.get(bearer=key.secret.decode("latin-1")))[0] == 200
            assert (await client.get(bearer=key.secret.decode("latin-1").encode().decode("latin-1")))[0] == 200

    run(scenario)


def test_the_token_is_loaded_late():
    async def scenario():
        async with server("late-token=0.3", loaded_after=9) as machine, connected(machine) as client:
            assert await client.get() == (403, "Forbidden")
            assert await client.get(bearer="wrong") == (403, "Forbidden")
            async with connected(machine) as other:
                assert not await Listener(other).accepted()
            await asyncio.sleep(0.3)
            assert (await client.get())[0] == 200

    run(scenario)


@pytest.mark.parametrize("form", Form)
def test_the_stream_tells_what_happens(form):
    async def scenario():
        async with server(speed=20, form=form) as machine, listening(machine) as listener:
            opened = [await listener.value(), await listener.value()]
            if form is Form.MEMBERS:
                assert [*opened[0]] == ["MachineConfiguration"]
                assert json.loads(opened[1]["SystemInfo"])["connections"]["ws"] == 1
            else:
                assert opened[0][0]["name"] == "MachineConfiguration"
            machine.machine.physics.pull_shot(1)
            found = {}
            while "brew_stopped_seconds" not in found:
                items = await listener.value(2)
                assert all(len(item) == (2 if form is Form.ITEMS else 1) for item in items)
                members = [(each["name"], each["value"]) for each in items] if form is Form.ITEMS else []
                joined = dict(members) if members else {name: each[name] for each in items for name in each}
                found |= read("stream", joined).fields
            assert found["brew_stopped_pulses"] == 120
            assert found["flow_seconds"] > 5

    run(scenario)


def test_the_records_of_a_log_are_those_of_a_capture():
    records = []

    async def scenario():
        async with server(on_record=records.append) as machine:
            async with connected(machine) as client:
                await client.get()
            async with listening(machine) as listener:
                await listener.text()
                await listener.text()
                machine.machine.physics.switch(on=False)
                assert await listener.value() == [{"MachineMode": "StandBy"}]

    run(scenario)
    assert {record.generation for record in records} == {"v3"}
    assert not any(record.problems for record in records)
    answer = next(record for record in records if record.role == "response")
    assert answer.fields["coffee_set_temp"] == 96.2
    assert records[-2].fields == {"power": False} or records[-1].fields == {"power": False}
    assert KEY.secret.decode() not in repr(records)


def test_pings_are_answered_and_the_stream_is_closed():
    async def scenario():
        async with server() as machine, listening(machine) as listener:
            listener.send(Ping(b"here?"))
            listener.send(TextMessage("nobody reads this"))
            events = [await listener.event() for _ in range(3)]
            assert [each.payload for each in events if isinstance(each, Pong)] == [b"here?"]
            listener.send(CloseConnection(1000))
            event = await listener.event()
            while not isinstance(event, CloseConnection):
                event = await listener.event()
            assert await listener.client.ended() == "closed"

    run(scenario)


def test_it_says_that_it_is_there(monkeypatch):
    monkeypatch.setattr(simulator, "_KEEP_ALIVE", 0.2)

    async def scenario():
        async with server(speed=0.01) as machine, listening(machine) as listener:
            values = [await listener.value() for _ in range(4)]
            assert values[-1] == [{"KeepAlive": True}]

    run(scenario)


def test_a_second_client_of_the_stream_waits_while_others_ask():
    async def scenario():
        notes = []
        async with (
            server(on_note=notes.append) as machine,
            listening(machine) as first,
            connected(machine) as client,
            connected(machine) as gone,
        ):
            second = Listener(client)
            assert not await second.accepted(0.2)
            Listener(gone)
            gone.writer.close()
            async with connected(machine) as third:
                assert (await third.get())[0] == 200
            first.client.writer.close()
            assert await second.accepted()
        assert any(note.endswith("waits: one stream at a time") for note in notes)

    run(scenario)


def test_a_second_client_of_the_stream_is_refused_if_so_asked():
    async def scenario():
        async with server(refuse_second=True) as machine, listening(machine), connected(machine) as client:
            Listener(client)
            assert await client.ended() == "closed"

    run(scenario)


def test_one_that_does_not_read_is_told_no_more_and_let_go(monkeypatch):
    monkeypatch.setattr(simulator, "PATIENCE", 0.3)
    monkeypatch.setattr(simulator, "BACKLOG", 0)

    async def scenario():
        gone = asyncio.Event()

        def note(text):
            if text == "a client that does not read is let go":
                gone.set()

        async with server("flood:1", on_note=note) as machine:
            for each in machine._server.sockets:  # those that it takes have the same buffer
                with socket.socket(fileno=os.dup(each.fileno())) as one:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            with socket.socket() as slow:
                slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                slow.connect((machine.host, machine.port))
                slow.send(upgrade())
                await gone.wait()
            async with connected(machine) as other:
                assert await Listener(other).accepted(2)

    run(scenario)


def test_what_is_no_http_is_refused():
    async def scenario():
        async with server() as machine:
            for data in (
                b"\x16\x03\x01\x02\x00junk\r\n\r\n",
                b"@R0000000101%",
                b"GET " + b"x" * 70_000,
                b"GET / HTTP/9\r\n\r\n",
            ):
                async with connected(machine) as client:
                    client.writer.write(data)
                    client.writer.write_eof()
                    assert await client.ended() in {"closed", "reset"}
            async with connected(machine) as client:
                client.writer.write(
                    request("/api/v1/streaming").replace(
                        b"\r\n\r\n", b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
                    )
                )
                assert (await client.reader.read(4096)).startswith(b"HTTP/1.1 400")
            async with connected(machine) as client:
                assert (await client.get())[0] == 200

    run(scenario)


@pytest.mark.parametrize("coding", ["Content-Length: 1152921504606846976", "Transfer-Encoding: chunked"])
def test_a_request_without_an_end_is_refused_and_keeps_nobody_waiting(coding):
    async def scenario():
        async with server() as machine, connected(machine) as client:
            reader, writer = await asyncio.open_connection(machine.host, machine.port)
            writer.write(f"POST /api/v1/config HTTP/1.1\r\nHost: a\r\n{coding}\r\n\r\n".encode())
            writer.write(b"1\r\nx\r\n" * 200_000)
            async with asyncio.timeout(2):
                assert (await client.get())[0] == 200
                assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
            writer.transport.abort()

    run(scenario)


def test_what_is_no_frame_ends_the_stream():
    async def scenario():
        async with server() as machine:
            async with listening(machine) as listener:
                listener.client.writer.write(b"\xff" * 100)
                while await listener.text():
                    pass
                assert await listener.client.ended() == "closed"
            async with listening(machine) as listener:
                assert await listener.text()

    run(scenario)


def test_a_port_that_is_in_use():
    async def scenario():
        async with server() as machine:
            with pytest.raises(ServerError, match=f"port {machine.port} is in use"):
                await server(port=machine.port).start()

    run(scenario)


def answered_with(fault, **options):
    """The connection on which a machine with a fault has been asked."""

    async def scenario():
        async with server(fault, **options) as machine, connected(machine) as client:
            client.writer.write(request())
            data = b""
            try:
                async with asyncio.timeout(0.4):
                    while piece := await client.reader.read(4096):
                        data += piece
            except TimeoutError:
                return data, "open"
            except ConnectionResetError:
                return data, "reset"
            return data, "closed"

    return run(scenario)


@pytest.mark.parametrize(
    ("fault", "beginning", "end"),
    [
        ("forbidden", b"HTTP/1.1 403 Forbidden\r\n", "open"),
        ("wrong-bearer", b"HTTP/1.1 401 Unauthorized\r\n", "open"),
        ("delay=0.1", b"HTTP/1.1 200 OK\r\n", "open"),
        ("delay=9", b"", "open"),
        ("drop", b"", "open"),
        ("not-json", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", "open"),
        ("cut", b"HTTP/1.1 200 OK\r\n", "open"),
        ("reset", b"", "reset"),
        ("close", b"", "closed"),
        ("busy", b"", "closed"),
        ("never", b"", "open"),
        ("tls", TLS_ALERT, "closed"),
    ],
)
def test_faults_of_answers(fault, beginning, end):
    data, ended = answered_with(fault)
    assert data.startswith(beginning)
    assert bool(data) is bool(beginning)
    assert ended == end or (fault == "busy" and ended == "reset")  # what was sent may come too late to be read


def test_half_an_answer():
    def length(data):
        return int(data.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])

    half = answered_with("half")[0]
    body = half.partition(b"\r\n\r\n")[2]
    assert length(half) == len(body)
    with pytest.raises(ValueError, match=r"Unterminated|delimiter|Expecting"):
        json.loads(body)
    cut = answered_with("cut")[0]
    assert len(cut.partition(b"\r\n\r\n")[2]) < length(cut)


def test_faults_of_the_stream():
    async def scenario():
        async with server("close-stream:1") as machine:
            async with listening(machine) as listener:
                event = await listener.event()
                assert isinstance(event, CloseConnection)
                assert event.code == 1013
                assert await listener.client.ended() == "closed"
            async with listening(machine) as listener:
                assert await listener.text()
        async with server("silent:1", speed=50) as machine, listening(machine) as listener:
            listener.send(Ping())
            machine.machine.physics.switch(on=False)
            assert await listener.event(0.4) is None
        async with server("flood:1") as machine, listening(machine) as listener:
            for _ in range(2):
                await listener.text()
            values = [await listener.value() for _ in range(300)]
            assert {each[0].keys() <= {"CoffeeBoiler1UpdateTemperature", "MachineMode"} for each in values} == {True}

    run(scenario)


def test_faults_of_texts():
    async def scenario():
        async with server("lost-text:1", "half-text:1", "garbage-text:1") as machine, listening(machine) as listener:
            text = await listener.text()
            with pytest.raises(ValueError, match=r"Unterminated|delimiter|Expecting"):
                json.loads(text)
            machine.machine.physics.switch(on=False)
            with pytest.raises(ValueError, match="Expecting"):
                json.loads(await listener.text())
            assert await listener.value() == [{"Sleep": "command"}]
        async with server("bad-frame:1") as machine, connected(machine) as client:
            listener = Listener(client)
            assert await listener.accepted()
            event = await listener.event()
            assert isinstance(event, CloseConnection)
            assert event.code == 1002  # what wsproto makes of a frame that is none

    run(scenario)


pieces = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(
        [request(), request(bearer="x"), request("/api/v1/streaming"), b"\r\n\r\n", b"Content-Length: 9\r\n"]
    ),
)


@given(st.lists(pieces, max_size=8), st.integers(1, 64))
@settings(max_examples=25)
def test_no_bytes_make_it_crash(stream, size):
    async def scenario():
        async with server() as machine:
            async with connected(machine) as client:
                data = b"".join(stream)
                for start in range(0, len(data), size):
                    client.writer.write(data[start : start + size])
                client.writer.write_eof()
                assert await client.ended(2) in {"closed", "reset"}
            async with connected(machine) as client:
                assert (await client.get())[0] == 200

    run(scenario)


faults = st.sampled_from([name for name, (on, _) in V3_FAULTS.items() if on.value == "answer"])
schedules = st.lists(
    st.none() | faults.map(lambda name: Fault(name, argument=0.01 if name == "delay" else 0)), max_size=5
)


@given(schedules, st.integers(0, 99))
@settings(max_examples=15)
def test_after_any_schedule_of_faults_it_answers_a_new_client(schedule, seed):
    async def scenario():
        machine = server()
        machine.faults = Faults(seed=seed, in_turn=schedule, table=V3_FAULTS)
        async with machine:
            for _ in schedule:
                async with connected(machine) as client:
                    client.writer.write(request())
                    await client.ended(0.02)
            machine.faults.clear()
            async with connected(machine) as client:
                assert (await client.get())[0] == 200

    run(scenario)


def test_few_clients_at_once(monkeypatch):
    monkeypatch.setattr(limits, "room", lambda: (2, 1))

    async def scenario():
        async with server() as machine, connected(machine), connected(machine):
            await asyncio.sleep(0.05)
            async with connected(machine) as third:
                assert await third.ended() in {"closed", "reset"}

    run(scenario)
