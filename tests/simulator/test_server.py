"""The simulator on the wire, in the tests' own event loop."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.framing import Frame, Skipped, unwrap, wrap
from lmdecode.codec.v1.key import decrypt, encrypt
from lmdecode.codec.v1.message import Message, parse_leniently
from lmdecode.simulator.faults import FAULTS, Fault, Faults, frame
from lmdecode.simulator.listening import ServerError
from lmdecode.simulator.machine import Machine
from lmdecode.simulator.server import Server
from tests.simulator.client import KEY, OFF, POWER, connected, server


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario(), 20))


def test_frames_split_and_joined_are_answered_in_order():
    async def scenario():
        async with server() as machine, connected(machine) as client:
            requests = [Message(Kind.READ, address, 1) for address in range(8)]
            stream = b"".join(frame(KEY, request) for request in requests)
            for start in range(0, len(stream), 7):
                client.send(stream[start : start + 7])
                await client.writer.drain()
            answers = [await client.message() for _ in requests]
            assert [answer.address for answer in answers] == list(range(8))

    run(scenario)


def test_what_is_no_request_is_passed_over():
    notes, records = [], []

    async def scenario():
        async with server(on_note=notes.append, on_record=records.append) as machine, connected(machine) as client:
            client.send(b"junk@junk@%@====%")
            client.send(wrap(encrypt(KEY, b"R00000001EE")))  # its check byte is wrong
            client.send(wrap(b"0123456789abcdef"))
            client.send(Message(Kind.STREAM, 0x6000, 1, b"\0"))
            assert (await client.ask(POWER)).data == b"\x01"

    run(scenario)
    assert sum(note.startswith("ignored") for note in notes) == 5
    assert records[-2].sender == "app"
    assert records[-1].fields == {"power": True}


def test_time_passes_and_reports_come():
    async def scenario():
        async with server(speed=20) as machine, connected(machine) as client:
            machine.machine.physics.pull_shot(1)
            said = [await client.message() for _ in range(6)]
            assert {message.preamble for message in said} >= {"401C0004", "40220001", "60000016"}

    run(scenario)


def test_a_second_client_waits():
    async def scenario():
        async with server() as machine, connected(machine) as first:
            assert await first.ask(POWER)
            async with connected(machine) as second, connected(machine):
                assert await second.ask(POWER, 0.15) is None
                first.writer.close()
                assert await second.message()

    run(scenario)


def test_a_second_client_is_refused_if_so_asked():
    async def scenario():
        async with server(refuse_second=True) as machine, connected(machine) as first:
            assert await first.ask(POWER)
            async with connected(machine) as second:
                assert await second.ended() == "closed"
            assert await first.ask(POWER)

    run(scenario)


def test_a_port_in_use_is_said_in_one_line():
    async def scenario():
        async with server() as machine:
            with pytest.raises(ServerError, match=f"port {machine.port} is in use"):
                await server(port=machine.port).start()
        with pytest.raises(ServerError, match=r"cannot listen on 203\.0\.113\.1"):
            await server(host="203.0.113.1").start()

    run(scenario)


async def _ask_with_fault(fault, request=POWER):
    async with server(fault) as machine, connected(machine) as client:
        client.send(request)
        event = await client.event(0.15)
        after = await client.ask(request, 0.3) if fault.endswith(":1") else None
        return machine, event, after


def _decrypted(event):
    assert isinstance(event, Frame)
    return parse_leniently(decrypt(KEY, unwrap(event.body)))


def test_answers_that_are_late_or_do_not_come():
    async def scenario():
        begin = time.monotonic()
        async with server("delay=0.2:1") as machine, connected(machine) as client:
            assert await client.ask(POWER)
            assert 0.2 <= time.monotonic() - begin < 2
            assert await client.ask(POWER)
        _, event, after = await _ask_with_fault("drop:1")
        assert event is None
        assert after.data == b"\x01"

    run(scenario)


def test_answers_that_are_wrong():
    async def scenario():
        _, event, after = await _ask_with_fault("wrong-check:1")
        assert "check byte" in _decrypted(event).problems[0]
        assert after == POWER._replace(data=b"\x01")
        _, event, _ = await _ask_with_fault("wrong-preamble:1")
        assert _decrypted(event).message == Message(Kind.READ, 0x0100, 1, b"\x01")
        _, event, _ = await _ask_with_fault("wrong-key:1")
        assert _decrypted(event).message is None
        machine, event, after = await _ask_with_fault("no-ok:1", OFF)
        assert _decrypted(event).message.status == "NO"
        assert after.ok
        machine, event, _ = await _ask_with_fault("no-ok", OFF)
        assert machine.machine.physics.on
        _, event, _ = await _ask_with_fault("garbage")
        assert not isinstance(event, Frame) or _is_no_message(event)

    run(scenario)


def _is_no_message(event):
    try:
        return _decrypted(event).message is None
    except ValueError:
        return True


def test_connections_that_end():
    async def scenario():
        for fault, end in (("close", "closed"), ("reset", "reset")):
            async with server(fault) as machine, connected(machine) as client:
                client.send(POWER)
                assert await client.ended() == end
        async with server("busy:1") as machine:
            async with connected(machine) as client:
                assert await client.ended() == "closed"
            async with connected(machine) as client:
                assert await client.ask(POWER)

    run(scenario)


def test_connections_that_fall_silent():
    async def scenario():
        async with server("half:1", speed=20) as machine, connected(machine) as client:
            client.send(POWER)
            await asyncio.sleep(0.25)
            data = await client.reader.read(4096)
            whole = frame(KEY, POWER._replace(data=b"\x01"))
            assert data.endswith(whole[: len(whole) // 2])
            assert await client.ended(0.25) is None
        async with server("never:1", speed=20) as machine, connected(machine) as client:
            assert await client.ask(POWER, 0.25) is None

    run(scenario)


def test_under_a_wrong_key_reports_are_no_more_readable_than_answers():
    async def scenario():
        async with server("wrong-key", speed=20) as machine, connected(machine) as client:
            for _ in range(3):
                assert _decrypted(await client.event()).message is None

    run(scenario)


pieces = st.one_of(
    st.binary(max_size=80),
    st.sampled_from([b"@", b"%", b"@%", b"@====%", frame(KEY, POWER), frame(KEY, OFF)]),
    st.binary(min_size=1, max_size=40).map(lambda plaintext: wrap(encrypt(KEY, plaintext))),
    st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)).map(
        lambda window: wrap(encrypt(KEY, b"W%04X%04X00" % window))
    ),
)


@given(st.lists(pieces, max_size=12), st.integers(1, 64))
@settings(max_examples=60)
def test_no_bytes_make_it_crash(stream, size):
    async def scenario():
        async with server() as machine, connected(machine) as client:
            data = b"".join(stream)
            for start in range(0, len(data), size):
                client.send(data[start : start + size])
            client.send(b"%")
            answer = await client.ask(Message(Kind.READ, 0x0007, 2))
            assert answer.data == bytes.fromhex("03C2")

    run(scenario)


faults = st.sampled_from([name for name in FAULTS if name not in ("busy", "never")])
schedules = st.lists(
    st.none() | faults.map(lambda name: Fault(name, argument=0.01 if name == "delay" else 0)), max_size=5
)


@given(schedules, st.integers(0, 99))
@settings(max_examples=40)
def test_after_any_schedule_of_faults_it_answers_a_new_client(schedule, seed):
    async def scenario():
        machine = Server(Machine("GS3 AV"), KEY, faults=Faults(seed=seed, in_turn=schedule))
        async with machine:
            for _ in schedule:
                async with connected(machine) as client:
                    client.send(POWER)
                    await client.writer.drain()
                    event = await client.event(0.02)
                    assert event is None or isinstance(event, Frame | Skipped)
            machine.faults.clear()
            async with connected(machine) as client:
                assert await client.ask(POWER)

    try:
        run(scenario)
    except ConnectionResetError:
        assert any(fault and fault.name == "reset" for fault in schedule)
