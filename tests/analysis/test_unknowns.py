"""What is said of unknown bytes: what belongs together is found, and nothing is claimed of what does not."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.correlation import Coverage, at_least, occasions, ranks, spearman, step_chance
from lmdecode.analysis.memory_history import History
from lmdecode.analysis.unknowns import find_unknowns
from tests.analysis.saying import at, said
from tests.analysis.simulated import both, byte_that_wanders, flag_that_follows, records, shots, spoken

SPARE = (0x4010, 0x4012, 0x4015, 0x4016, 0x4019, 0x401A, 0x4020, 0x4021)  # unknown bytes of the status


def history(said_records):
    made = History()
    for record in said_records:
        made.add(record)
    return made


def found(histories, address, **options):
    unknowns = find_unknowns(histories, **options)
    (byte,) = [each for each in unknowns.bytes if each.address == address]
    return byte


@pytest.fixture(scope="module")
def hour():
    touch = both(
        flag_that_follows("pump_on", 0x400F, on=4), byte_that_wanders(0x4020), byte_that_wanders(0x4010, every=30)
    )
    return history(records(spoken(1, pours=list(shots(1, every=120)), touch=touch)))


def test_a_byte_that_follows_the_pump_is_found(hour):
    byte = found([hour], 0x400F)
    assert {hint.name for hint in byte.hints[:3]} >= {"pump_on", "brew_solenoid_on"}
    (pump,) = [hint for hint in byte.hints if hint.name == "pump_on"]
    assert pump.together >= pump.changes - 1
    assert pump.changes >= byte.changes - 1
    assert pump.rho > 0.9
    assert pump.n == byte.changes + 1
    assert pump.expected < pump.together / 3


def test_bytes_that_go_their_own_way_are_not_claimed(hour):
    for address in (0x4010, 0x4020):
        byte = found([hour], address)
        assert byte.changes >= 10
        assert byte.hints == ()


def test_values_are_counted_as_they_were_seen(hour):
    byte = found([hour], 0x400F)
    assert set(byte.values()) == {0, 1, 4}  # 1: what it was before anything was touched
    assert sum(count for count, _, _ in byte.values().values()) == byte.looks
    assert byte.looks == 3600 / 3 + 2 * 3600 / 300  # the status every 3 s, and in two windows every 300 s
    (runs,) = byte.captures
    assert all(one.value != other.value and one.last_ns < other.first_ns for one, other in pairwise(runs))


def test_several_captures_of_a_machine_add_up(hour):
    one, two = find_unknowns([hour]), find_unknowns([hour, hour])
    assert one.pairs == two.pairs
    for single, double in zip(one.bytes, two.bytes, strict=True):
        assert double.changes == 2 * single.changes
        assert double.looks == 2 * single.looks


def test_too_few_changes_say_nothing(hour):
    few = found([hour], 0x400F).changes + 1
    assert found([hour], 0x400F, fewest=few).hints == ()


@pytest.mark.parametrize("seed", range(4))
def test_chance_is_hardly_ever_taken_for_a_hint(seed):
    """Eight bytes of four kinds that have nothing to do with the machine: flags, pulses, counters, random values."""
    chance = random.Random(seed)
    touches = [_independent(kind % 4, address, chance) for kind, address in enumerate(SPARE)]
    pours = list(shots(1, seed=seed, every=150))
    unknowns = find_unknowns([history(records(spoken(1, pours=pours, touch=both(*touches), poll=5)))])
    changed = [byte for byte in unknowns.bytes if byte.address in SPARE and byte.changes >= 5]
    assert len(changed) >= 6
    assert unknowns.pairs > 100
    assert [(byte.address, [hint.name for hint in byte.hints]) for byte in changed if byte.hints] == []


def _independent(kind, address, chance):
    every = chance.uniform(20, 200)
    state = {"due": chance.uniform(1, 60), "value": 0}

    def touch(machine, seconds):
        if seconds < state["due"]:
            return
        state["due"] += chance.expovariate(1 / every) + 1
        if kind == 0:
            state["value"] ^= 1
        elif kind == 1:
            state["value"] ^= 1
            if state["value"]:
                state["due"] = seconds + 20
        elif kind == 2:
            state["value"] += 1
        else:
            state["value"] = chance.randrange(8)
        machine.memory.write(address, bytes([state["value"] & 0xFF]))

    return touch


def test_a_byte_with_a_coarser_temperature_is_found_by_its_values():
    chance = random.Random(3)
    temperature, said_records = 900, []
    for second in range(0, 6000, 3):
        temperature += chance.choice((-5, -4, 3, 4, 5)) if 700 < temperature < 1100 else 900 - temperature
        said_records.append(said(second, 0x401C, f"{temperature:04x}"))
        said_records.append(said(second, 0x4020, f"{temperature // 20:02x}"))
    byte = found([history(said_records)], 0x4020)
    assert [hint.name for hint in byte.hints] == ["coffee_temp"]
    assert byte.hints[0].rho > 0.95
    assert byte.hints[0].expected > byte.hints[0].changes * 0.9  # the times of its changes say nothing


def test_two_counters_that_both_only_rise_are_not_claimed():
    chance = random.Random(5)
    due, counts, said_records = [10.0, 25.0], [0, 0], []
    for second in range(0, 20_000, 5):
        for index, every in enumerate((90, 110)):
            if second >= due[index]:
                counts[index] += 1
                due[index] += chance.expovariate(1 / every) + 1
        said_records.append(said(second, 0x0020, f"{counts[0]:08x}"))
        said_records.append(said(second, 0x4020, f"{counts[1] & 0xFF:02x}"))
    byte = found([history(said_records)], 0x4020)
    assert byte.changes > 100
    assert byte.hints == ()


def test_what_changed_while_nobody_looked_is_no_coincidence():
    """After each of several hours without a message all is different at once."""
    said_records = []
    for hour_ in range(12):
        for second in range(0, 60, 3):
            said_records.append(said(hour_ * 3600 + second, 0x4018, f"0{hour_ % 2}"))
            said_records.append(said(hour_ * 3600 + second, 0x4020, f"0{hour_ % 2}"))
    byte = found([history(said_records)], 0x4020)
    assert byte.changes == 11
    assert byte.hints == ()


def test_the_bits_that_a_register_leaves_over():
    levels = ["04", "05", "01", "05", "0d"]
    made = history(said(index, 0x4022, level) for index, level in enumerate(levels))
    byte = found([made], 0x4022)
    assert (byte.mask, byte.changes) == (0xFE, 3)
    assert set(byte.values()) == {0x04, 0x00, 0x0C}
    assert found([history([said(0, 0x401B, "90")])], 0x401B).values() == {0x80: (1, at(0), at(0))}


def test_a_byte_that_is_said_to_be_unused_is_listed_only_if_it_changes():
    still = history([said(0, 0x0070, "ffff"), said(1, 0x0070, "ffff")])
    assert find_unknowns([still]).bytes == ()
    moved = history([said(0, 0x0070, "ffff"), said(1, 0x0070, "fffe")])
    assert [byte.address for byte in find_unknowns([moved]).bytes] == [0x0071]


def test_the_secret_is_no_unknown_byte():
    made = history(said(second, 0x0110, f"00{second:02x}{second:02x}") for second in range(20))
    assert find_unknowns([made]).bytes == ()


def test_only_some_addresses(hour):
    assert {byte.address for byte in find_unknowns([hour], addresses=range(0x4010, 0x4013)).bytes} == {0x4010, 0x4012}


def test_an_empty_history():
    assert find_unknowns([History()]) == ((), 0)


@given(st.lists(st.integers(0, 50)), st.integers(0, 20))
def test_occasions_are_apart_and_none_is_lost_that_is(times, within):
    found_ = occasions(sorted(times), within)
    assert all(after - before > 2 * within for before, after in pairwise(found_))
    assert all(any(0 <= time - each <= 2 * within for each in found_) for time in times)


@given(
    st.lists(st.integers(0, 200), unique=True).map(sorted), st.lists(st.integers(0, 200)).map(sorted), st.integers(0, 9)
)
def test_looks_near_a_change(looks, changes, within):
    coverage = Coverage.of(looks, changes, within)
    near = {look for look in looks if any(abs(look - change) <= within for change in changes)}
    assert {look for look in looks if coverage.near(look)} == near
    for look in looks:
        assert coverage.share(look) == pytest.approx(len(near) / len(looks))


@given(st.lists(st.floats(0, 1), max_size=9), st.integers(0, 9))
def test_the_chance_of_at_least_so_many(chances, count):
    whole = at_least(count, chances)
    assert 0 <= whole <= 1
    if count == 0:
        assert whole == pytest.approx(1)
    if count > len(chances):
        assert whole == 0
    if chances and count:
        *rest, last = chances
        assert whole == pytest.approx(at_least(count - 1, rest) * last + at_least(count, rest) * (1 - last))


def test_the_chance_of_very_many_is_reckoned_with_a_part_of_them():
    assert at_least(900, [0.1] * 1000) < 1e-100
    assert at_least(100, [0.1] * 1000) == pytest.approx(0.5, abs=0.1)


@given(st.lists(st.integers(-5, 5), min_size=1))
def test_ranks_keep_the_order_and_the_sum(values):
    found_ = ranks(values)
    assert sum(found_) == pytest.approx(len(values) * (len(values) + 1) / 2)
    for (one, rank), (other, other_rank) in zip(*[list(zip(values, found_, strict=True))] * 2, strict=True):
        assert (one < other) == (rank < other_rank)
    for one, rank in zip(values, found_, strict=True):
        assert rank == sum(each < one for each in values) + (values.count(one) + 1) / 2


def test_spearman_knows_ranks_only():
    assert spearman([1, 2, 3, 4], [1, 10, 100, 1000]) == pytest.approx(1)
    assert spearman([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    assert spearman([1, 1, 1], [1, 2, 3]) is None
    assert spearman([], []) is None


def test_steps_that_agree():
    chance = random.Random(1)
    values = [chance.randrange(100) for _ in range(60)]
    other = [chance.randrange(100) for _ in range(60)]
    assert step_chance(values, [2 * each for each in values]) < 1e-6
    assert step_chance(values, [-each for each in values]) < 1e-6
    assert step_chance(values, other) > 0.001
    assert step_chance(range(60), range(60)) == 1  # both only rise, evenly: that says nothing
    assert step_chance([1, 2], [1, 2]) == 1
    rare = [0] * 30 + [5] * 30  # one step each, in the same place
    assert step_chance(rare, rare) > 0.1
