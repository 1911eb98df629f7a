"""The client against the simulated machine, in one event loop: what it gets, and what it says of what it does not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

import pytest

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.requester import requesters
from lmdecode.device.client import Client
from lmdecode.device.errors import (
    BadAnswerError,
    BusyError,
    ConnectionLostError,
    EchoError,
    FloodError,
    MachineError,
    NoAnswerError,
    NoConnectionError,
    RefusedError,
    WrongKeyError,
)
from lmdecode.device.v1.client import MemoryClient
from lmdecode.simulator.faults import frame, other_key, parse_fault
from tests.simulator.client import KEY, OFF, POWER, server

TEMPERATURES = Message(Kind.READ, 0x401C, 4)
SOON = 0.3  # s; the machine reports once a second, so mostly nothing else is heard meanwhile


def client(to, **options):
    options.setdefault("timeout", SOON)
    return MemoryClient(
        to.host,
        to.port,
        requesters(options.pop("key", KEY), show_secrets=options.pop("show_secrets", False)),
        **options,
    )


def ask(request, *faults, key=KEY, timeout=SOON, speed=1.0, records=None, **options):
    """The answer of a machine with faults."""

    async def run():
        async with server(*faults, speed=speed, **options) as machine:
            heard = None if records is None else records.append
            async with client(machine, key=key, timeout=timeout, on_record=heard) as talk:
                return await talk.ask(request)

    return asyncio.run(run())


def test_an_answer_and_what_was_said_on_both_sides():
    records = []
    answer = ask(TEMPERATURES, records=records)
    assert answer.fields["coffee_temp"] > 80
    assert [record.role for record in records[:2]] == ["request", "response"]
    assert all(record.stream == 0 and not record.problems for record in records)


def test_requests_of_many_tasks_wait_for_each_other():
    async def run():
        requests = []
        async with server(on_record=requests.append) as machine, client(machine, timeout=5) as talk:
            windows = [(0x0000, 0x1F), (0x0020, 0x2C), (0x4000, 0x23), (0x0310, 0x1D)] * 5
            answers = await asyncio.gather(*(talk.read(*window) for window in windows))
            assert [len(each) for each in answers] == [length for _, length in windows]
        roles = [record.role for record in requests if record.role != "report"]
        assert roles == ["request", "response"] * len(windows)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("fault", "error", "why"),
    [
        ("drop", BusyError, "but it says nothing: the machine takes one connection at a time; close the app"),
        ("garbage", BadAnswerError, "is damaged"),
        ("half", BadAnswerError, "cut off"),
        ("reset", BusyError, "reset the connection before it said anything"),
        ("close", BusyError, "closed the connection before it said anything"),
        ("wrong-check", BadAnswerError, "check byte is"),
        ("wrong-preamble", BadAnswerError, "belongs to another request: R0100000"),
        ("wrong-key", WrongKeyError, "nothing decrypts: the key is not this machine's"),
        ("busy", BusyError, "(closed|reset) the connection before it said anything: the machine takes one connection"),
        ("never", BusyError, "but it says nothing"),
        ("delay=0.5", BusyError, "but it says nothing"),
    ],
)
def test_each_fault_is_told_from_the_others(fault, error, why):
    with pytest.raises(error, match=why) as caught:
        ask(POWER, fault)
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)


def test_silence_of_a_machine_that_reports_is_no_silence_of_the_connection():
    with pytest.raises(NoAnswerError, match=r"did not answer R00000001 \(power\) in time"):
        ask(POWER, "drop", timeout=0.8, speed=10)


def test_a_wrong_key_of_ours_is_told_from_silence():
    with pytest.raises(WrongKeyError, match="nothing decrypts"):
        ask(POWER, key=other_key(KEY), timeout=0.8, speed=10)


def test_a_connection_that_ends_later_is_lost_not_busy():
    async def run():
        async with server() as machine, client(machine) as talk:
            await talk.ask(POWER)
            machine.faults.add(parse_fault("reset"))
            with pytest.raises(ConnectionLostError, match="reset the connection"):
                await talk.ask(POWER)
            with pytest.raises(ConnectionLostError):
                await talk.ask(POWER)
            assert isinstance(await talk.wait_lost(), ConnectionLostError)

    asyncio.run(run())


def test_an_echo_is_no_answer():
    with pytest.raises(EchoError, match="nothing can be read there"):
        ask(Message(Kind.READ, 0x0200, 16))


def test_values_that_make_no_sense_are_no_damage():
    async def run():
        async with server() as machine, client(machine) as talk:
            machine.machine.memory.write(0x400F, b"\xff" * 10)  # power is one of them
            return await talk.ask(Message(Kind.READ, 0x400F, 10))

    answer = asyncio.run(run())
    assert answer.problems == ("power: 255 is neither 0 nor 1", "water_reservoir_contact: 255 is neither 0 nor 1")
    assert answer.data == "ff" * 10


def test_a_refused_write():
    async def run():
        async with server("no-ok") as machine, client(machine) as talk:
            with pytest.raises(RefusedError, match=r"did not take W00000001 \(power\): it answered 'NO'"):
                await talk.write(OFF)
            assert await talk.read(0x0000, 1) == b"\x01"

    asyncio.run(run())


def test_secrets_are_withheld_unless_asked_for():
    async def run(*, show):
        async with server() as machine, client(machine, show_secrets=show) as talk:
            return await talk.read(0x0111, 4)

    with pytest.raises(BadAnswerError, match="holds a secret, which is withheld"):
        asyncio.run(run(show=False))
    assert asyncio.run(run(show=True)) == b"0000"


def test_nothing_listens():
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
    for host, why in (("127.0.0.1", "refuses the connection"), ("a..b", "no host named"), ("x" * 300, "no host")):
        with pytest.raises(NoConnectionError, match=why) as caught:
            asyncio.run(Client(host, port, requesters(KEY)).connect())
        assert caught.value.exit_code == 3


def test_a_client_that_is_not_connected_says_so():
    with pytest.raises(ConnectionLostError, match="not connected"):
        asyncio.run(Client("127.0.0.1", 1, requesters(KEY)).ask(POWER))


def test_a_second_client_waits_until_the_first_is_gone():
    async def run():
        async with server() as machine:
            async with client(machine) as first, client(machine) as second:
                await first.ask(POWER)
                with pytest.raises(BusyError, match="it says nothing"):
                    await second.ask(POWER)
            async with client(machine) as third:
                assert (await third.ask(POWER)).data == "01"

    asyncio.run(run())


async def _silent_server():
    """Answers the first request, then nothing more."""

    async def serve(reader, writer):
        await reader.readuntil(b"%")
        writer.write(frame(KEY, POWER._replace(data=b"\x01")))
        await reader.read()
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


def test_keep_alive_notices_that_the_machine_is_gone():
    async def run():
        async with await _silent_server() as silent:
            port = silent.sockets[0].getsockname()[1]
            async with Client("127.0.0.1", port, requesters(KEY), timeout=0.1, keep_alive=0.1) as talk:
                await talk.ask(POWER)
                begin = time.monotonic()
                lost = await asyncio.wait_for(talk.wait_lost(), 5)
                assert "went silent" in str(lost)
                assert time.monotonic() - begin < 2

    asyncio.run(run())


def test_keep_alive_leaves_a_living_machine_alone():
    async def run():
        records = []
        async with server(speed=0.01, on_record=records.append) as machine, client(machine, keep_alive=0.1) as talk:
            await talk.ask(POWER)
            await asyncio.sleep(0.5)
            assert talk.lost is None
        asked = [record for record in records if record.role == "request"]
        assert 3 <= len(asked) <= 6

    asyncio.run(run())


@pytest.mark.parametrize("garbage", [b"@" * 4096, b"@%" * 2048, b"x" * 4096])
def test_what_never_ends_is_given_up(garbage):
    async def flood(_, writer):
        with contextlib.suppress(OSError):
            while True:
                writer.write(garbage)
                await writer.drain()

    async def run():
        async with await asyncio.start_server(flood, "127.0.0.1", 0) as flooding:
            port = flooding.sockets[0].getsockname()[1]
            begin = time.monotonic()
            with pytest.raises((BadAnswerError, FloodError), match=r"is damaged|nobody asked for"):
                async with Client("127.0.0.1", port, requesters(KEY), timeout=0.3) as talk:
                    await talk.ask(POWER)
            assert time.monotonic() - begin < 10

    asyncio.run(run())


def test_damage_beside_the_account_is_no_echo():
    with pytest.raises(BadAnswerError, match="is damaged") as caught:
        ask(Message(Kind.READ, 0x0100, 17), "wrong-check")
    assert not isinstance(caught.value, EchoError)


def test_errors_are_of_one_family():
    for error in (
        BadAnswerError,
        BusyError,
        ConnectionLostError,
        EchoError,
        NoAnswerError,
        RefusedError,
        WrongKeyError,
    ):
        assert issubclass(error, MachineError)
    assert {error.exit_code for error in (BusyError, ConnectionLostError, NoConnectionError)} == {3}
    assert {error.exit_code for error in (BadAnswerError, NoAnswerError, RefusedError, WrongKeyError)} == {1}


def test_what_fails_in_whoever_listens_is_no_fault_of_the_machine():
    def full(_):
        raise OSError(28, "No space left on device")

    async def run(heard):
        async with server(speed=20) as machine:
            talk = client(machine, timeout=5, on_record=heard)
            async with talk:
                await talk.wait_lost()

    with pytest.raises(OSError, match="No space left"):
        asyncio.run(run(lambda record: full(record) if record.sender == "machine" else None))


def test_what_fails_at_the_last_record_is_told_too():
    """Half a frame becomes a Record when the connection has ended."""

    def full(record):
        if record.raw is not None:
            raise OSError(28, "No space left on device")

    async def half(_, writer):
        writer.write(frame(KEY, POWER._replace(data=b"\x01"))[:-5])
        writer.close()

    async def run():
        async with await asyncio.start_server(half, "127.0.0.1", 0) as cut:
            port = cut.sockets[0].getsockname()[1]
            async with Client("127.0.0.1", port, requesters(KEY), on_record=full) as talk:
                await asyncio.wait_for(talk.wait_lost(), 5)

    with pytest.raises(OSError, match="No space left"):
        asyncio.run(run())
