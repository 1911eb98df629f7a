"""Reads are made again on new connections, writes never."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.memory import Answer, Region
from lmdecode.codec.v1.requester import requesters
from lmdecode.device.client import Client
from lmdecode.device.core import pauses
from lmdecode.device.errors import BadAnswerError, BusyError, EchoError, MachineError, NoAnswerError, WrongKeyError
from lmdecode.device.session import take_snapshot
from lmdecode.device.v1.driver import MemoryDriver
from lmdecode.device.v1.session import MemorySession
from lmdecode.simulator.faults import other_key, parse_fault
from tests.simulator.client import KEY, OFF, server

QUERIES = MemoryDriver(host="", key=KEY).snapshot()


def session(to, *, key=KEY, timeout=0.2, **options):
    return MemorySession(
        lambda number: Client(to.host, to.port, requesters(key), timeout=timeout, stream=number), pause=0.01, **options
    )


def run(with_session, *faults, speed=20.0, **options):
    """Run something with a machine; what came of it, and the requests that the machine heard."""

    async def go():
        records = []
        async with server(*faults, speed=speed, on_record=records.append) as machine:
            talk = session(machine, **options)
            try:
                return await with_session(talk, machine), [each for each in records if each.role == "request"]
            except MachineError as error:
                return error, [each for each in records if each.role == "request"]
            finally:
                await talk.close()

    return asyncio.run(go())


@pytest.mark.parametrize("fault", ["drop", "garbage", "half", "wrong-check", "wrong-preamble", "wrong-key", "reset"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_read_is_made_again(fault, count):
    async def read(talk, machine):
        await talk.read(0x4022, 1)  # so that the machine is known to talk to us
        machine.faults.add(parse_fault(f"{fault}:{count}"))
        return await talk.data(0x0000, 1)

    found, requests = run(read)
    assert found == b"\x01"
    assert len(requests) == count + 2


def test_a_read_is_not_made_for_ever():
    error, requests = run(lambda talk, _: talk.read(0x0000, 1), "drop", timeout=0.3)
    assert isinstance(error, NoAnswerError)
    assert len(requests) == 3


def test_each_attempt_is_a_connection_of_its_own():
    _, requests = run(lambda talk, _: talk.read(0x0000, 1), "drop:2", timeout=0.3)
    assert [record.stream for record in requests] == [0, 1, 2]


@pytest.mark.parametrize(
    ("faults", "key", "window", "error", "count"),
    [
        (("busy",), KEY, (0x0000, 1), BusyError, 0),
        (("never",), KEY, (0x0000, 1), BusyError, 1),
        ((), other_key(KEY), (0x0000, 1), WrongKeyError, 1),
        ((), KEY, (0x0200, 1), EchoError, 1),
    ],
)
def test_what_will_not_get_better_is_not_tried_again(faults, key, window, error, count):
    found, requests = run(lambda talk, _: talk.read(*window), *faults, key=key, timeout=0.3)
    assert type(found) is error
    assert len(requests) <= count


@pytest.mark.parametrize("fault", ["drop", "garbage", "half", "reset", "close", "wrong-check", "wrong-key", "no-ok"])
def test_a_write_is_sent_once_whatever_becomes_of_it(fault):
    async def write(talk, _):
        await talk.write(OFF)

    error, requests = run(write, fault)
    assert isinstance(error, MachineError)
    assert [record.kind for record in requests] == [Kind.WRITE]


def test_after_a_write_that_went_wrong_the_next_read_has_a_new_connection():
    async def write(talk, machine):
        with pytest.raises(MachineError):
            await talk.write(OFF)
        machine.faults.clear()
        return await talk.data(0x0000, 1)

    found, requests = run(write, "half")
    assert found == b"\0"
    assert [record.stream for record in requests] == [0, 1]


def test_secrets_are_withheld():
    error, _ = run(lambda talk, _: talk.data(0x0111, 4))
    assert isinstance(error, BadAnswerError)


def test_a_snapshot_has_all_that_the_machine_answers():
    snapshot, _ = run(lambda talk, _: take_snapshot(talk, QUERIES))
    assert {
        "power",
        "coffee_temp",
        "total_coffee",
        "machine_ser_num",
        "mon_on_time",
        "dose_k1",
    } <= snapshot.fields.keys()
    assert snapshot.silent == {}


def test_a_snapshot_says_what_is_silent():
    async def snapshot(talk, machine):
        memory = machine.machine.memory
        memory.mark(Region(0x0050, 0x18, Answer.SILENT))
        memory.mark(Region(0x4060, 0x20, Answer.ECHO))
        memory.mark(Region(0x4022, 1, Answer.SILENT))  # as older firmware, which has 0x20 bytes of status only
        return await take_snapshot(talk, QUERIES)

    found, _ = run(snapshot, timeout=0.3, tries=1)
    assert set(found.silent) == {"usage", "factory"}
    assert "coffee_temp" in found.fields
    assert "steam_boiler_enable" not in found.fields


def test_a_machine_that_answers_nothing_is_no_snapshot():
    error, _ = run(lambda talk, _: take_snapshot(talk, QUERIES), "drop", speed=1, tries=1)
    assert isinstance(error, BusyError)


def test_pauses_get_longer():
    found = pauses(0.2, 30)
    assert found[0] == 0.2
    assert found[-1] == 30
    assert all(later <= 2 * earlier for earlier, later in pairwise(found))


def test_a_round_of_reads_ends_when_its_time_is_over():
    """What was read by then is there, and the rest is named."""
    snapshot, _ = run(lambda talk, _: take_snapshot(talk, QUERIES, seconds=0.6), "delay=0.15", timeout=1)
    assert snapshot.records
    assert any("0.6 s were over" in why for why in snapshot.silent.values())
    error, _ = run(lambda talk, _: take_snapshot(talk, QUERIES, seconds=0.5), "garbage", timeout=0.2)
    assert isinstance(error, NoAnswerError)
    assert "no read within 0.5 s" in str(error)
