"""A scan of the simulated machine, whatever goes wrong with it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest

from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.memory import Answer, Memory, Region
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.redaction import touches_secret
from lmdecode.codec.v1.requester import requesters
from lmdecode.codec.v1.windows import LARGEST_READ, REPORTS
from lmdecode.device.client import Client
from lmdecode.device.errors import MachineError, NoAnswerError, NoConnectionError, WrongKeyError
from lmdecode.device.v1.scan import Identity, Scanner
from lmdecode.device.v1.scan_plan import Piece, Plan, known_ranges
from lmdecode.simulator.faults import FAULTS, Faults, parse_fault
from lmdecode.simulator.machine import Machine, default_memory
from lmdecode.simulator.server import Server
from tests.simulator.client import KEY, server

WAITS = [0.05] * 40
HOLES = [Piece(0x0160, 14), Piece(0x01FF, 4)]  # the end of the broker's URL, silence, and the start of an echo


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario, 60))


def scanner(to, *, key=KEY, timeout=0.3, waits=WAITS, secrets=False, **options):
    def connector(number, note):
        return Client(
            to.host,
            to.port,
            requesters(key, show_secrets=secrets),
            timeout=timeout,
            stream=number,
            on_record=note,
        )

    return Scanner(connector, pace=0, timeout=timeout, waits=waits, **options)


async def scan(to, ranges, **options):
    """A scan from its beginning to its end."""
    async with scanner(to, **options) as scanning:
        identity = await scanning.identify()
        plan = Plan(Memory(), ranges, answered=scanning.largest_answered)
        await scanning.run(plan)
    return plan, identity, scanning


def check(plan, memory):
    """Whether a plan's memory is the machine's, but for what moves by itself."""
    for piece in plan.ranges:
        for address in range(piece.address, piece.end):
            assert plan.memory.knows(address) == memory.knows(address), hex(address)
            if not memory.knows(address):
                expected = memory.answer_in(address, 1) or Answer.SILENT
                assert plan.memory.answer_in(address, 1) is expected, hex(address)
            elif address < 0x0050:
                assert plan.memory.read(address, 1) == memory.read(address, 1)


@pytest.mark.parametrize("model", ["GS3 AV", "GS3 MP", "Linea Mini"])
def test_all_that_the_map_knows(model):
    async def scenario():
        records = []
        async with server(model=model, on_record=records.append) as machine:
            plan, identity, scanning = await scan(machine, known_ranges())
        check(plan, machine.machine.memory)
        assert plan.memory.regions == ()
        assert identity == Identity(model, machine.machine.registers.get("machine_ser_num"))
        assert plan.largest_answered == LARGEST_READ
        requests = [record for record in records if record.role == "request"]
        assert len(requests) == scanning.requests < 30
        assert not any(touches_secret(record.address, record.length) for record in requests)
        assert {record.kind for record in requests} == {"read"}

    run(scenario())


def test_islands_are_found_to_the_byte_one_request_at_a_time():
    async def scenario():
        records = []
        async with server(on_record=records.append) as machine:
            plan, _, _ = await scan(machine, HOLES)
        check(plan, machine.machine.memory)
        assert plan.memory.regions == (
            Region(0x016C, 2, Answer.SILENT),
            Region(0x01FF, 1, Answer.SILENT),
            Region(0x0200, 3, Answer.ECHO),
        )
        waiting = None
        for record in records:
            if record.role == "request":
                silent = waiting is not None and plan.memory.answer_in(waiting.address, waiting.length)
                assert waiting is None or silent is Answer.SILENT, waiting
                waiting = record
            elif record.role == "response":
                waiting = None

    run(scenario())


@pytest.mark.parametrize("fault", [name for name, (on, _) in FAULTS.items() if on.value != "write"])
def test_a_fault_costs_no_byte(fault):
    async def scenario():
        async with server() as machine, scanner(machine) as scanning:
            await scanning.identify()
            plan = Plan(Memory(), [Piece(0x0020, 0x2C), Piece(0x016A, 3)], answered=scanning.largest_answered)
            machine.faults.add(parse_fault("delay=0.12:3" if fault == "delay" else f"{fault}:1"))
            if fault in {"busy", "never"}:
                machine.faults.add(parse_fault("reset:1"))
            await scanning.run(plan)
            assert machine.faults.active == []
        check(plan, machine.machine.memory)
        assert plan.damaged == 0
        assert plan.memory.regions == (Region(0x016C, 1, Answer.SILENT),)

    run(scenario())


@pytest.mark.parametrize("seed", range(3))
def test_many_faults_make_no_hole(seed):
    async def scenario():
        async with server(model="GS3 MP") as machine, scanner(machine, timeout=0.15) as scanning:
            machine.faults.random.seed(seed)
            await scanning.identify()
            machine.faults.add(parse_fault("random=0.15"))
            plan = Plan(Memory(), [Piece(0x0020, 0x2C), Piece(0x4000, 0x23)], answered=scanning.largest_answered)
            with contextlib.suppress(MachineError):
                await scanning.run(plan)
        memory = machine.machine.memory
        for start, data in plan.memory.runs():
            assert memory.knows(start, len(data))
        assert plan.memory.read(0x0020, 0x2C) in {None, memory.read(0x0020, 0x2C)}
        assert sum(region.length for region in plan.memory.regions) <= 2  # two accidents in a row may look like one

    run(scenario())


def test_a_slow_machine_is_waited_for():
    async def scenario():
        async with server("delay=0.15") as machine:
            plan, identity, scanning = await scan(machine, [Piece(0x0000, 0x1F), Piece(0x0020, 0x2C)], timeout=1)
        check(plan, machine.machine.memory)
        assert plan.memory.regions == ()
        assert identity.serial == "GS000000"
        assert scanning.connections == 1

    run(scenario())


def test_a_late_answer_is_taken():
    async def scenario():
        async with server() as machine, scanner(machine) as scanning:
            await scanning.identify()
            heard = []
            machine.on_record = heard.append
            await scanning.close()
            machine.faults = Faults(in_turn=[None, parse_fault("delay=0.12")])  # the first is the window that is known
            plan = Plan(Memory(), [Piece(0x0020, 0x2C)], answered=scanning.largest_answered)
            await scanning.run(plan)
        check(plan, machine.machine.memory)
        asked = [(record.address, record.length) for record in heard if record.sender == "app"]
        assert asked.count((0x0020, 0x2C)) == 1
        assert len(asked) == 3  # before it and after it the known window

    run(scenario())


def test_a_machine_that_goes_and_comes_back():
    async def scenario():
        async with server() as first, scanner(first) as scanning:
            await scanning.identify()
            plan = Plan(Memory(), [Piece(0x0020, 0x2C), Piece(0x4000, 0x23)], answered=1, largest=4)
            second = Server(first.machine, KEY, port=first.port)
            tasks = []

            async def restart():
                await first.close()
                await asyncio.sleep(0.3)
                await second.start()

            def interfere():
                if plan.settled > 16 and not tasks:
                    tasks.append(asyncio.create_task(restart()))

            scanning.on_progress = interfere
            await scanning.run(plan)
            await second.close()
        check(plan, first.machine.memory)
        assert plan.memory.regions == ()
        assert scanning.connections > 2

    run(scenario())


def test_a_machine_that_stays_away_ends_the_scan_and_keeps_what_was_read():
    async def scenario():
        async with server() as machine, scanner(machine, waits=[0.01, 0.02]) as scanning:
            await scanning.identify()
            plan = Plan(Memory(), [Piece(0x0020, 0x2C)], answered=1, largest=4)
            closing = []

            def interfere():
                if plan.settled >= 16 and not closing:
                    closing.append(asyncio.create_task(machine.close()))

            scanning.on_progress = interfere
            with pytest.raises(NoConnectionError, match="refuses the connection"):
                await scanning.run(plan)
        assert plan.memory.read(0x0020, 16) == machine.machine.memory.read(0x0020, 16)
        assert plan.memory.regions == ()
        assert plan.next() is not None

    run(scenario())


class Fragile(Machine):
    """Ends the connection when a certain byte is read."""

    def receive(self, message):
        if message.address <= 0x0030 < message.address + message.length:
            raise ConnectionResetError
        return super().receive(message)


def test_a_read_that_ends_the_connection_costs_its_byte_only():
    async def scenario():
        async with (
            Server(Fragile("GS3 AV"), KEY) as machine,
            scanner(machine) as scanning,
        ):
            plan = Plan(Memory(), [Piece(0x0020, 0x2C)])
            await scanning.run(plan)
        assert (plan.damaged, plan.memory.regions) == (1, ())
        assert plan.memory.knows(0x0020, 16)
        assert plan.memory.knows(0x0031, 0x1B)
        assert not plan.memory.knows(0x0030)

    run(scenario())


class Monosyllabic(Machine):
    """Answers one read of each connection."""

    asked = 0

    def receive(self, message):
        first, self.asked = message.address in {each.address for each in REPORTS} and not self.asked, self.asked + 1
        return super().receive(message) if first else None


def test_a_machine_that_answers_one_read_of_each_connection_is_given_up():
    async def scenario():
        machine = Monosyllabic("GS3 AV")

        def begun(note):
            if "connected" in note:
                machine.asked = 0

        async with (
            Server(machine, KEY, on_note=begun) as listening,
            scanner(listening, timeout=0.05) as scanning,
        ):
            with pytest.raises(NoAnswerError, match="the first read of each connection, and no other"):
                await scanning.identify()
        assert scanning.connections < 15

    run(scenario())


class Miscounting(Machine):
    """Answers with some bytes more or less than it was asked for."""

    more = 0

    def receive(self, message):
        answer = super().receive(message)
        if answer is None or answer.data is None or message.address in {each.address for each in REPORTS}:
            return answer
        return replace(answer, data=(answer.data + bytes(8))[: len(answer.data) + self.more])


@pytest.mark.parametrize("more", [-1, 1, 7])
def test_an_answer_of_another_length_is_damage(more):
    async def scenario():
        machine = Miscounting("GS3 AV")
        machine.more = more
        async with Server(machine, KEY) as listening, scanner(listening) as scanning:
            plan = Plan(Memory(), [Piece(0x0020, 4)])
            await scanning.run(plan)
        assert not plan.memory.knows(0x0020)

    run(scenario())


def test_the_account_is_read_only_if_asked_for():
    secret = next(row for row in REGISTERS if row.secret)

    async def scenario():
        async with server() as machine, scanner(machine, secrets=True) as scanning:
            plan = Plan(Memory(), [Piece(secret.address, secret.size)], secrets=True)
            await scanning.run(plan)
        assert plan.memory.read(secret.address, secret.size) == default_memory("GS3 AV").read(
            secret.address, secret.size
        )

    run(scenario())


def test_a_wrong_key_is_told_at_once():
    async def scenario():
        async with server() as machine, scanner(machine, key=Key(bytes(32)), timeout=1.5) as scanning:
            with pytest.raises(WrongKeyError):
                await scanning.identify()
        assert scanning.connections == 1

    run(scenario())


def test_nobody_there_is_told_at_once():
    async def scenario():
        machine = server()
        async with machine:
            pass
        with pytest.raises(NoConnectionError):
            await scan(machine, HOLES)

    run(scenario())
