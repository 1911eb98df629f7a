"""The plan of a scan against model machines: random holes, random limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.v1.memory import Answer, Memory, Region
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.windows import LARGEST_READ
from lmdecode.device.v1.scan_plan import LARGEST_TRIED, Nothing, Piece, Plan, known_ranges

SECRET = next(row for row in REGISTERS if row.secret)
HOLES = st.lists(st.tuples(st.integers(0, 700), st.integers(1, 90), st.sampled_from(Answer)), max_size=8)
RANGES = st.lists(st.builds(Piece, st.integers(0, 400), st.integers(1, 300)), min_size=1, max_size=4)


class ModelMachine:
    """Answers reads of up to so many bytes that touch no hole."""

    def __init__(self, limit, holes=(), *, echoes_large=False, drops=()):
        self.limit = limit
        self.echoes_large = echoes_large
        self.drops = set(drops)
        self.holes = {}
        for start, length, answer in holes:
            for address in range(start, start + length):
                self.holes.setdefault(address, answer)
        self.asked = []

    def byte(self, address):
        return (address * 7 + address // 256) % 256

    def answer(self, piece):
        self.asked.append(piece)
        if len(self.asked) in self.drops:
            return Nothing.SILENCE
        if piece.length > self.limit:
            return Nothing.ECHO if self.echoes_large else Nothing.SILENCE
        hit = [self.holes[address] for address in range(piece.address, piece.end) if address in self.holes]
        if hit:
            return Nothing.ECHO if hit[0] is Answer.ECHO else Nothing.SILENCE
        return bytes(self.byte(address) for address in range(piece.address, piece.end))


def scan(machine, plan, *, most=100_000, stop_after=None):
    """Run a plan; whether it came to its end."""
    count = 0
    while (piece := plan.next()) is not None:
        if count == stop_after:
            return False
        count += 1
        assert count <= most, "no end"
        assert plan.next() == piece
        answer = machine.answer(piece)
        if isinstance(answer, bytes):
            plan.answered(answer)
        else:
            plan.failed(answer)
    return True


def wanted(ranges, *, secrets=False):
    addresses = {address for piece in ranges for address in range(piece.address, piece.end)}
    return addresses if secrets else addresses - set(range(SECRET.address, SECRET.end))


def check(machine, memory, addresses):
    """Each readable byte was read, each other one is marked with what it does."""
    for address in addresses:
        if address in machine.holes:
            assert memory.answer_in(address, 1) is machine.holes[address], hex(address)
            assert not memory.knows(address)
        else:
            assert memory.read(address, 1) == bytes([machine.byte(address)]), hex(address)
    known = {start + index for start, data in memory.runs() for index in range(len(data))}
    marked = {address for region in memory.regions for address in range(region.address, region.end)}
    assert known | marked == set(addresses)


@given(
    limit=st.integers(1, 300),
    holes=HOLES,
    ranges=RANGES,
    echoes_large=st.booleans(),
    secrets=st.booleans(),
    answered=st.integers(0, 60),
    largest=st.sampled_from([64, 256]),
)
def test_every_readable_byte_is_read_and_every_other_one_marked(
    *, limit, holes, ranges, echoes_large, secrets, answered, largest
):
    machine = ModelMachine(limit, holes, echoes_large=echoes_large)
    memory = Memory()
    plan = Plan(memory, ranges, answered=min(answered, limit), largest=largest, secrets=secrets)
    assert scan(machine, plan)
    addresses = wanted(ranges, secrets=secrets)
    check(machine, memory, addresses)
    assert plan.total == plan.settled == len(addresses)
    assert plan.largest_answered <= max(limit, answered)
    asked = {address for piece in machine.asked for address in range(piece.address, piece.end)}
    assert asked <= addresses
    # Each hole byte costs its way down to it, each readable piece one request, the size a search.
    unreadable = len(addresses & machine.holes.keys())
    depth = math.ceil(math.log2(largest)) + 2
    pieces = 4 * (len(addresses) / min(limit, 16) + 2 * len(ranges) + 2)
    assert len(machine.asked) <= pieces + 3 * unreadable * depth + 4 * depth


@given(st.integers(1, 300), HOLES, st.integers(0, 200), st.sampled_from([1, 8, 16]))
def test_a_scan_goes_on_where_it_stopped(limit, holes, stop_after, finest):
    ranges = [Piece(0, 300), Piece(SECRET.address - 8, 200)]
    first, memory = ModelMachine(limit, holes), Memory()
    scan(first, Plan(memory, ranges, finest=finest), stop_after=stop_after)
    known = wanted(ranges) - {a for a in wanted(ranges) if not memory.knows(a) and memory.answer_in(a, 1) is None}
    second = ModelMachine(limit, holes)
    plan = Plan(memory, ranges, finest=finest)
    assert plan.settled == len(known)
    assert scan(second, plan)
    asked = {address for piece in second.asked for address in range(piece.address, piece.end)}
    assert asked.isdisjoint(known)
    if finest == 1:
        check(second, memory, wanted(ranges))
    assert scan(ModelMachine(limit), again := Plan(memory, ranges))
    assert again.next() is None


@given(st.sets(st.integers(1, 60), max_size=10).filter(lambda drops: not any(n + 1 in drops for n in drops)))
def test_a_lost_answer_makes_no_hole(drops):
    machine, memory = ModelMachine(LARGEST_READ, drops=drops), Memory()
    plan = Plan(memory, [Piece(0x4000, 0x200)])
    assert scan(machine, plan)
    check(machine, memory, wanted([Piece(0x4000, 0x200)]))
    assert plan.largest_answered == LARGEST_READ


@pytest.mark.parametrize("limit", [1, 2, 15, 16, 17, 31, LARGEST_READ, 49, 50, 95, 96, 97, 255, 256, 300])
def test_the_largest_piece_is_found_exactly(limit):
    machine = ModelMachine(limit)
    plan = Plan(Memory(), [Piece(0x4000, 0x1000)])
    assert scan(machine, plan)
    assert plan.largest_answered == min(limit, LARGEST_TRIED)
    failures = sum(piece.length > limit for piece in machine.asked)
    assert failures <= 16


def test_a_machine_as_the_sources_have_it_costs_one_size_too_many():
    machine = ModelMachine(LARGEST_READ)
    scan(machine, Plan(Memory(), [Piece(0x4000, 480)], answered=44))
    assert [piece.length for piece in machine.asked] == [48, 49, 49, 48, 1, *[48] * 7, 47]


def test_what_is_easily_read_comes_first():
    machine = ModelMachine(LARGEST_READ, [(0x4000, 0x120, Answer.SILENT)])
    plan = Plan(Memory(), [Piece(0x4000, 0x200)], answered=LARGEST_READ)
    scan(machine, plan, stop_after=20)
    assert plan.memory.knows(0x4121, 0xDF)
    assert scan(machine, plan)
    assert plan.memory.regions == (Region(0x4000, 0x120, Answer.SILENT),)


def test_a_silent_piece_is_asked_twice_and_an_echo_once():
    machine = ModelMachine(1, [(0x4000, 1, Answer.SILENT), (0x4001, 1, Answer.ECHO)])
    scan(machine, Plan(Memory(), [Piece(0x4000, 2)], answered=1, largest=1))
    assert machine.asked == [(0x4000, 1), (0x4000, 1), (0x4001, 1)]


def test_a_coarse_scan_stops_halving():
    holes = [(0x4003, 1, Answer.SILENT)]
    machine, memory = ModelMachine(LARGEST_READ, holes), Memory()
    scan(machine, Plan(memory, [Piece(0x4000, 0x60)], answered=LARGEST_READ, finest=16))
    assert memory.regions == (Region(0x4000, 16, Answer.SILENT),)
    assert memory.knows(0x4010, 0x50)
    assert min(piece.length for piece in machine.asked if not memory.knows(*piece)) == 16


def test_the_finest_piece_is_none_that_is_too_large():
    machine, memory = ModelMachine(4), Memory()
    scan(machine, Plan(memory, [Piece(0x4000, 0x40)], finest=16))
    assert memory.knows(0x4000, 0x40)


def test_damage_leaves_bytes_to_a_later_scan():
    plan = Plan(Memory(), [Piece(0x4000, 2)], answered=1, largest=1)
    plan.next()
    plan.failed(Nothing.DAMAGE)
    assert plan.next() == (0x4000, 1)
    plan.failed(Nothing.DAMAGE)
    assert plan.next() == (0x4001, 1)
    plan.answered(b"\x07")
    assert plan.next() is None
    assert (plan.damaged, plan.settled, plan.memory.regions) == (1, 1, ())


def test_a_late_answer_counts():
    plan = Plan(Memory(), [Piece(0x4000, 48)], answered=16)
    assert plan.next() == (0x4000, 48)
    plan.failed(Nothing.SILENCE)
    plan.next()
    plan.failed(Nothing.SILENCE)
    assert plan.next() == (0x4000, 16)
    plan.learn(0x4000, bytes(48))
    plan.failed(Nothing.SILENCE)
    assert plan.next() is None
    assert plan.memory.knows(0x4000, 48)
    assert plan.largest_answered == 48


def test_a_late_answer_takes_its_byte_out_of_a_region():
    plan = Plan(Memory(), [Piece(0x4000, 3)], answered=1, largest=1)
    for _ in range(6):
        plan.next()
        plan.failed(Nothing.SILENCE)
    assert plan.memory.regions == (Region(0x4000, 3, Answer.SILENT),)
    plan.learn(0x4001, b"\1")
    assert plan.memory.regions == (Region(0x4000, 1, Answer.SILENT), Region(0x4002, 1, Answer.SILENT))


def test_misuse_is_refused():
    plan = Plan(Memory(), [Piece(0x4000, 2)])
    with pytest.raises(ValueError, match="nothing was asked"):
        plan.answered(b"")
    plan.next()
    with pytest.raises(ValueError, match="1 bytes came of 2"):
        plan.answered(b"\0")


def test_the_known_ranges_are_those_of_the_map_without_its_secret():
    addresses = wanted(known_ranges(), secrets=True)
    assert addresses.isdisjoint(range(SECRET.address, SECRET.end))
    for row in REGISTERS:
        assert row.secret or not row.readable or addresses.issuperset(range(row.address, row.end))
