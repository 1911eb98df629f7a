"""Recorded requests, sent again to the simulated machine."""

from __future__ import annotations

import asyncio
import time

import pytest

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.message import OK, Message
from lmdecode.codec.v1.requester import requesters
from lmdecode.device.client import Client
from lmdecode.device.errors import BusyError, NoAnswerError, NoConnectionError
from lmdecode.device.v1.resending import send_again
from lmdecode.device.v1.session import MemorySession
from lmdecode.simulator.faults import Fault, Faults, parse_fault
from tests.simulator.client import KEY, OFF, POWER, server

ECHO = Message(Kind.READ, 0x0200, 4)
NOWHERE = Message(Kind.READ, 0x1000, 4)
REFUSED = Message(Kind.WRITE, 0x0007, 2, b"\xff\xff")


def session(to, *, timeout=0.2, tries=2):
    return MemorySession(
        lambda number: Client(to.host, to.port, requesters(KEY), timeout=timeout, stream=number), tries=tries
    )


def replayed(requests, *faults, in_turn=(), speed=None, **options):
    """The answers to some requests, and those that came to the machine."""

    async def scenario():
        heard = []
        schedule = Faults(map(parse_fault, faults), in_turn=in_turn)
        async with (
            server(faults=schedule, on_record=heard.append) as machine,
            session(machine, **options) as talking,
        ):
            found = [each async for each in send_again(talking, requests, speed=speed)]
        return found, [record for record in heard if record.sender == "app"]

    return asyncio.run(asyncio.wait_for(scenario(), 20))


def test_each_kind_of_answer():
    found, asked = replayed([(0, POWER), (1, ECHO), (2, OFF), (3, POWER), (4, NOWHERE), (5, REFUSED)])
    assert [answer for answer, _ in found] == [
        POWER._replace(data=b"\1"),
        ECHO,
        Message(Kind.WRITE, 0x0000, 1, status=OK),
        POWER._replace(data=b"\0"),
        None,
        Message(Kind.WRITE, 0x0007, 2, status="NO"),
    ]
    assert found[4][1]
    assert [record.address for record in asked] == [0, 0x200, 0, 0, 0x1000, 0x1000, 7]


@pytest.mark.parametrize("fault", ["drop", "reset", "close", "half", "garbage", "wrong-check"])
def test_a_write_is_never_sent_again(fault):
    found, asked = replayed([(0, OFF), (1, POWER)], f"{fault}:1")
    assert found[0][0] is None
    assert found[0][1].startswith("whether the machine took it is not known: ")
    assert found[1][0] == POWER._replace(data=b"\0")
    assert [record.kind for record in asked] == [Kind.WRITE, Kind.READ]


@pytest.mark.parametrize("fault", ["drop", "reset", "wrong-check"])
def test_a_read_is(fault):
    found, asked = replayed([(0, POWER), (1, POWER)], in_turn=[None, Fault(fault, 1)])
    assert found == 2 * [(POWER._replace(data=b"\1"), "")]
    assert len(asked) == 3


@pytest.mark.parametrize(("speed", "least", "most"), [(10, 0.15, 1.5), (None, 0.0, 1.0)])
def test_the_pace(speed, least, most):
    """At ten times the speed they are 0.2 s apart; a first request that is late takes some of that off."""
    begin = time.monotonic()
    _, asked = replayed([(0, POWER), (1_000_000_000, POWER), (2_000_000_000, POWER)], speed=speed)
    assert len(asked) == 3
    took = (asked[-1].time_ns - asked[0].time_ns) / 1e9
    assert least <= took <= most
    assert time.monotonic() - begin < 3


def test_a_busy_machine_is_told_at_once():
    with pytest.raises(BusyError):
        replayed([(0, POWER), (1, POWER)], "never")


def test_a_machine_that_is_gone_ends_it():
    async def scenario():
        async with server() as machine, session(machine) as talking:
            answers = send_again(talking, [(0, POWER), (1, POWER)], speed=None)
            assert (await anext(answers))[0] == POWER._replace(data=b"\1")
            await machine.close()
            with pytest.raises(NoConnectionError):
                await anext(answers)

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_a_machine_that_answers_nothing_any_more_is_given_up():
    async def scenario():
        async with server("garbage") as machine, session(machine, timeout=0.02, tries=1) as talking:
            answers = send_again(talking, [(0, POWER)] * 50, speed=None)
            found = [(await anext(answers))[0] for _ in range(10)]
            with pytest.raises(NoAnswerError, match="10 requests in a row were not answered"):
                await anext(answers)
            return found

    assert asyncio.run(scenario()) == [None] * 10
