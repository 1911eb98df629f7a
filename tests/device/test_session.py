"""Reads are made again on new connections, writes never."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Kind
from lmdecode.codec.v1.memory import Answer, Region
from lmdecode.codec.v1.requester import requesters
from lmdecode.device.client import Client
from lmdecode.device.core import Ask, Pause, pauses, telling
from lmdecode.device.errors import (
    BadAnswerError,
    BusyError,
    ConnectionLostError,
    EchoError,
    MachineError,
    NoAnswerError,
    WrongKeyError,
)
from lmdecode.device.session import Session, take_snapshot
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


@pytest.mark.parametrize("fault", [None, "reset:1"])
def test_a_write_is_told_of_once(fault):
    told = []

    async def write(talk, machine):
        await talk.read(0x4022, 1)
        if fault:
            machine.faults.add(parse_fault(fault))
        await talk.run(telling(OFF), on_write=told.append)

    error, requests = run(write)
    assert isinstance(error, MachineError) is bool(fault)
    assert told == [OFF]
    assert sum(record.kind is Kind.WRITE for record in requests) == 1


def test_a_write_without_a_connection_is_not_told_of():
    told = []

    async def write():
        nowhere = MemorySession(MemoryDriver(host="127.0.0.1", port=1, key=KEY).connection)
        await nowhere.run(telling(OFF), on_write=told.append)

    with pytest.raises(MachineError):
        asyncio.run(write())
    assert told == []


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


def test_the_only_question_is_not_counted():
    error, _ = run(lambda talk, _: take_snapshot(talk, QUERIES[:1]), "drop", speed=1, tries=1)
    assert isinstance(error, MachineError)
    assert "reads" not in str(error)


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


# The session itself, over connections without I/O: several tasks, cancellation, errors of others.


class Link:
    """A connection that answers when it is told to; all of them note what they carry in one list."""

    def __init__(self, number, log, events):
        self.number = number
        self.lost = None
        self.under_way = 0
        self._log = log
        self._events = events

    async def connect(self):
        opened = {number for what, number in self._log if what == "open"}
        closed = {number for what, number in self._log if what == "close"}
        assert opened == closed, "two connections at once"
        self._log.append(("open", self.number))

    async def close(self):
        assert not self.under_way, "closed under a request"
        self._log.append(("close", self.number))
        self.lost = self.lost or ConnectionLostError("disconnected")

    async def ask(self, request):
        self._log.append((request, self.number))
        self.under_way += 1
        try:
            event = self._events.pop(0) if self._events else None
            if isinstance(event, asyncio.Event):
                await event.wait()
            elif isinstance(event, Exception):
                await asyncio.sleep(0)
                raise event
        finally:
            self.under_way -= 1
        return request

    async def write(self, request):
        await self.ask(request)


def links(*events):
    log, left = [], list(events)
    return Session(lambda number: Link(number, log, left), pause=0.001), log


def test_a_request_that_is_cancelled_leaves_no_answer_to_the_next_one():
    async def go():
        talk, log = links(asyncio.Event())
        waiting = asyncio.create_task(talk.ask("a"))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await talk.ask("b") == "b"
        await talk.close()
        return log

    assert asyncio.run(go()) == [("open", 0), ("a", 0), ("close", 0), ("open", 1), ("b", 1), ("close", 1)]


def test_a_pause_that_is_cancelled_leaves_the_connection_as_it_is():
    ended = []

    def steps():
        try:
            yield Ask("a")
            yield Pause(60)
        finally:
            ended.append(True)

    async def go():
        talk, log = links()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await talk.run(steps())
        assert ended == [True]  # and not at some later time
        assert await talk.ask("b") == "b"
        return log

    assert asyncio.run(go()) == [("open", 0), ("a", 0), ("b", 0)]


def test_the_trouble_of_one_task_is_not_that_of_another():
    """A connection is given up only between two requests: under a write of somebody else, its answer would be lost."""

    async def go():
        gate = asyncio.Event()
        talk, log = links(NoAnswerError("late"), gate)
        reading = asyncio.create_task(talk.ask("a"))
        writing = asyncio.create_task(talk.send("b"))
        await asyncio.sleep(0.02)  # "a" is to be asked again by now
        assert log[-1] == ("b", 1)
        gate.set()
        assert await reading == "a"
        await writing
        return log

    assert asyncio.run(go()) == [("open", 0), ("a", 0), ("close", 0), ("open", 1), ("b", 1), ("a", 1)]


def test_many_tasks_have_one_connection():
    async def go():
        talk, log = links()
        assert await asyncio.gather(*(talk.ask(each) for each in range(20))) == list(range(20))
        return log

    assert asyncio.run(go()) == [("open", 0), *((each, 0) for each in range(20))]


def test_a_session_that_is_closed_while_somebody_reads_does_not_forget_the_new_connection():
    async def go():
        gate = asyncio.Event()
        talk, log = links()
        await talk.ask("a")
        first = talk._connection
        close = first.close

        async def slowly():
            await close()
            await gate.wait()

        first.close = slowly
        closing = asyncio.create_task(talk.close())
        await asyncio.sleep(0)
        first.close = close
        await talk.ask("b")
        gate.set()
        await closing
        await talk.close()
        return log

    assert asyncio.run(go())[-1] == ("close", 1)


def test_another_error_goes_through_and_costs_the_connection():
    async def go():
        talk, log = links(ValueError("of who takes the Records"))
        with pytest.raises(ValueError, match="who takes"):
            await talk.ask("a")
        await talk.ask("b")
        return log

    assert asyncio.run(go()) == [("open", 0), ("a", 0), ("close", 0), ("open", 1), ("b", 1)]


def test_steps_that_raise_something_else_end_there():
    def steps():
        yield Ask("a")
        raise RegisterError("this model does not have it")

    async def go():
        talk, log = links()
        with pytest.raises(RegisterError):
            await talk.run(steps())
        return log

    assert asyncio.run(go()) == [("open", 0), ("a", 0)]
