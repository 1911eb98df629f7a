"""Shots as they were pulled at a simulated machine, from what is left of its messages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.pour import Evidence, What
from lmdecode.analysis.shots import MachineShots, find_shots
from lmdecode.capture import decode_capture
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1 import speakers_with
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.memory_map import PULSE_ML
from tests.analysis.tape import KEY, START_NS, Tape
from tests.codec.v1.samples import frame

CAPTURES = Path(__file__).parents[2] / "captures"


def pulled(tape: Tape, key: int, seconds: float | None = None) -> None:
    tape.machine.physics.pull_shot(key, seconds)


def is_flow(message) -> bool:
    return message.kind is Kind.STREAM


def test_a_whole_shot():
    tape = Tape()
    tape.read("configuration")
    tape.wait(5)
    pulled(tape, 2)
    tape.wait(40)
    (shot,) = find_shots(tape.records)
    assert (shot.what, shot.key, shot.evidence) == (What.COFFEE, 2, Evidence.FLOW)
    assert (shot.pulses, shot.dose, shot.ml) == (118, 118, 118 * PULSE_ML)
    assert shot.seconds == pytest.approx(118 / 4.8, abs=0.1)
    assert shot.start_ns is not None
    assert shot.start_ns == pytest.approx(START_NS + 5.03e9, abs=0.1e9)
    assert shot.set_temp == 96.2
    assert shot.coffee_temp_start == pytest.approx(95.0, abs=2)
    assert (shot.cut, shot.notes) == (False, ())


def test_two_shots_of_one_key_without_a_pause():
    tape = Tape()
    pulled(tape, 1, 6)
    tape.wait(6)
    pulled(tape, 1, 8)
    tape.wait(12)
    assert [shot.seconds for shot in find_shots(tape.records)] == [6, 8]


def test_a_flush_hot_water_and_a_backflush_are_no_coffees():
    tape = Tape()
    tape.read("configuration")
    pulled(tape, 1, 2.5)
    tape.wait(6)
    tape.machine.physics.pour_hot_water()
    tape.wait(30)
    tape.write("command", "start_backflush")
    tape.wait(60)
    shots = find_shots(tape.records)
    assert [shot.what for shot in shots] == [What.FLUSH, What.HOT_WATER, What.BACKFLUSH]
    assert (shots[1].seconds, shots[1].dose, shots[1].key) == (8, 8, None)


def test_without_flow_a_status_answer_tells_hot_water_from_coffee():
    tape = Tape()
    tape.machine.physics.pour_hot_water(10)
    tape.wait(3, lambda message, raw: None if is_flow(message) else raw)
    tape.read("status")
    tape.wait(12, lambda message, raw: None if is_flow(message) else raw)
    tape.read("status")
    pulled(tape, 3)
    tape.wait(4, lambda message, raw: None if is_flow(message) else raw)
    tape.read("status")
    water, coffee = find_shots(tape.records)
    assert (water.what, water.evidence, water.cut) == (What.HOT_WATER, Evidence.STATUS, True)
    assert (coffee.what, coffee.key, coffee.seconds) == (What.COFFEE, 3, None)
    assert coffee.pulses == pytest.approx(4 * 4.8, abs=1)


def test_a_status_answer_within_a_shot_is_no_second_one():
    tape = Tape()
    pulled(tape, 1)
    for _ in range(12):
        tape.wait(3)
        tape.read("status")
    assert [(shot.evidence, shot.pulses) for shot in find_shots(tape.records)] == [(Evidence.FLOW, 120)]


def test_a_capture_that_begins_in_a_shot_and_ends_in_another():
    tape = Tape()
    pulled(tape, 4)
    tape.away(10)
    tape.wait(30)
    pulled(tape, 1)
    tape.wait(5)
    first, last = find_shots(tape.records)
    assert first.start_ns == pytest.approx(START_NS, abs=0.1e9)
    assert first.seconds == pytest.approx(130 / 4.8, abs=0.1)
    assert first.notes == ("began before the connection: its beginning is worked out",)
    assert (last.cut, last.notes) == (True, ("cut off: still running when the capture ends",))
    assert last.seconds == pytest.approx(5, abs=0.6)


def test_a_shot_over_two_connections_is_one():
    tape = Tape()
    tape.read("configuration")
    pulled(tape, 1)
    tape.wait(8)
    tape.connect()
    tape.away(7)
    tape.wait(20)
    (shot,) = find_shots(tape.records)
    assert (shot.streams, shot.pulses, shot.dose, shot.cut) == ((0, 1), 120, 120, False)
    assert "the connection was made anew in it (0 → 1)" in shot.notes
    assert any(note.startswith("nothing is heard of it for 7.5 s") for note in shot.notes)


def test_a_connection_that_ends_in_a_shot():
    tape = Tape()
    pulled(tape, 1)
    tape.wait(8)
    tape.connect()
    tape.away(60)
    tape.wait(5)
    (shot,) = find_shots(tape.records)
    assert (shot.cut, shot.notes) == (True, ("cut off: the connection ended while it ran",))


def test_damaged_and_missing_messages():
    tape = Tape()
    pulled(tape, 1)
    tape.wait(5)
    tape.wait(1, lambda message, raw: frame(b"Z60000016" + b"00" * 22 + b"FF") if is_flow(message) else raw)
    tape.wait(1, lambda message, raw: b"@!!!!%" if is_flow(message) else raw)
    tape.wait(3, lambda message, raw: None if is_flow(message) else raw)
    tape.wait(25)
    (shot,) = find_shots(tape.records)
    assert (shot.pulses, shot.cut) == (120, False)
    assert shot.notes == (
        "nothing is heard of it for 5.5 s",
        "10 messages of the machine's damaged or not in the capture",
    )


def test_coffees_that_only_the_counters_tell_of():
    tape = Tape()
    tape.read("drink counters")
    pulled(tape, 1)
    tape.wait(30)
    tape.read("drink counters")  # accounts for the one that was seen
    tape.connect()
    for key in (1, 2, 2):
        pulled(tape, key)
        tape.away(60)
    tape.machine.physics.pour_hot_water()
    tape.away(60)
    tape.read("drink counters")
    shots = find_shots(tape.records)
    counted = [(shot.what, shot.key, shot.count) for shot in shots if shot.evidence is Evidence.COUNTER]
    assert counted == [(What.COFFEE, 1, 1), (What.COFFEE, 2, 2), (What.HOT_WATER, None, 1)]
    assert shots[0].evidence is Evidence.FLOW
    assert shots[1].after_ns is not None
    assert shots[0].end_ns is not None
    assert shots[1].after_ns > shots[0].end_ns


def test_a_dose_is_the_one_that_the_machine_took():
    tape = Tape()
    tape.read("configuration")
    tape.write("dose_k1", 60)
    tape.write("dose_k1", 2000)  # refused
    pulled(tape, 1)
    tape.wait(20)
    assert [(shot.pulses, shot.dose) for shot in find_shots(tape.records)] == [(60, 60)]


def test_seconds_that_run_at_another_pace_than_the_clock():
    (shot,) = find_shots(decode_capture(CAPTURES / "gs3av-settings.pcap", speakers_with(FrameDecoder(KEY))))
    assert shot.seconds == pytest.approx(7.5, abs=0.1)
    assert shot.notes == ("flow_seconds counts 15.0 s in 7.5 s: the duration is by the clock",)


def test_machines_are_told_apart():
    tape = Tape()
    pulled(tape, 1)
    tape.wait(30)
    other = [record._replace(machine="office") for record in tape.records]
    both = sorted([*tape.records, *other], key=lambda record: record.time_ns)
    assert [(shot.machine, shot.pulses) for shot in find_shots(both)] == [("machine:1774", 120), ("office", 120)]


@given(
    lost=st.sets(st.integers(0, 80)),
    damaged=st.sets(st.integers(0, 80)),
    cut=st.tuples(st.integers(0, 60), st.integers(60, 120)),
)
def test_whatever_is_lost_nothing_is_made_up(lost: set[int], damaged: set[int], cut: tuple[int, int]) -> None:
    number = -1

    def change(_, raw):
        nonlocal number
        number += 1
        if number in lost:
            return None
        return frame(b"Z60000016FF") if number in damaged else raw

    tape = Tape()
    tape.read("drink counters")
    pulled(tape, 1)
    tape.wait(26, change)
    pulled(tape, 2)
    tape.wait(28, change)
    shots = find_shots(tape.records[slice(*cut)])
    assert sum(shot.count for shot in shots) <= 2
    assert all(shot.pulses is None or shot.pulses <= {1: 120, 2: 118}[shot.key or 0] for shot in shots)
    assert [shot.order for shot in shots] == sorted(shot.order for shot in shots)


SECOND = 1_000_000_000


def flow(at, seconds, pulses, key=2, temperature=95.0):
    fields = {"flow_key": key, "flow_seconds": seconds, "flow_pulses": pulses, "coffee_temp": temperature}
    return Record(int(at * SECOND), 0, "machine", "m", "a", Kind.STREAM, "report", 0x6000, 22, fields=fields)


def report(at):
    return Record(int(at * SECOND), 0, "machine", "m", "a", Kind.READ, "report", 0x0300, 7, fields={"second": 1})


def watched(*records, keep=None):
    shots = MachineShots("m", keep)
    for record in records:
        shots.add(record)
    return shots


def test_a_shot_is_seen_while_it_runs():
    shots = watched(flow(10, 0.5, 1), flow(11, 1.5, 3, temperature=94.5))
    running = shots.running(11 * SECOND)
    assert (running.key, running.seconds, running.pulses, running.ml) == (2, 1.5, 3, 1.5)
    assert [sample.time_ns for sample in running.samples] == [10 * SECOND, 11 * SECOND]
    assert shots.ended(11 * SECOND) == []


def test_a_shot_ends_when_nothing_is_heard_of_it():
    shots = watched(flow(10, 0.5, 1), flow(11, 1.5, 3), flow(12, 2.5, 118), report(15.5))
    assert shots.running(15 * SECOND) is not None
    assert shots.running(16 * SECOND) is None
    (shot,) = shots.ended(16 * SECOND)
    assert (shot.key, shot.seconds, shot.pulses, shot.ml, shot.cut) == (2, 2.5, 118, 59, False)
    assert shots.shots(16 * SECOND) == [shot]


@pytest.mark.parametrize(
    "second",
    [
        flow(12, 0.5, 1),  # it counts from the beginning
        flow(11, 2.0, 9, key=1),
        flow(11, 2.0, 2),  # fewer pulses
        flow(30, 5.0, 9),  # too late
    ],
)
def test_another_shot(second):
    shots = watched(flow(10, 1.5, 3), second)
    assert shots.count == 2
    assert [shot.pulses for shot in shots.ended(second.time_ns)] == [3]
    assert shots.running(second.time_ns).samples[0].time_ns == second.time_ns


def test_prebrewing_pauses_and_the_shot_runs_on():
    shots = watched(flow(10, 2.0, 3), report(14))
    assert [shot.pulses for shot in shots.ended(14 * SECOND)] == [3]
    shots.add(flow(15, 7.0, 4))
    assert (shots.count, shots.ended(15 * SECOND)) == (1, [])
    running = shots.running(15 * SECOND)
    assert (running.samples[0].time_ns, running.seconds) == (10 * SECOND, 7.0)


def test_no_shot_runs_where_nobody_listens():
    shots = watched(flow(10, 2.0, 3))
    shots.disconnect()
    assert shots.running(10 * SECOND) is None
    assert [shot.pulses for shot in shots.ended(10 * SECOND)] == [3]
    shots.add(flow(11, 3.0, 5))
    assert shots.running(11 * SECOND).pulses == 5


def test_of_very_many_shots_the_last_are_kept_and_all_counted():
    shots = watched(*(flow(10 * number, 1.0, number) for number in range(9)), keep=3)
    assert shots.count == 9
    assert [shot.pulses for shot in shots.ended(200 * SECOND)] == [8, 7, 6, 5]
    assert [shot.pulses for shot in shots.shots(200 * SECOND)] == [5, 6, 7, 8]


def test_what_is_no_water_flow_is_no_shot():
    partial = Record(0, 0, "machine", "m", "a", Kind.STREAM, "report", 0x6000, 2, fields={"flow_key": 1})
    assert watched(partial, report(1)).count == 0


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 60), st.integers(0, 300), st.integers(0, 5))))
def test_no_shot_is_lost_whatever_is_pushed(steps):
    at, shots, records = 0.0, MachineShots("m"), []
    for pause, seconds, pulses, key in steps:
        at += pause
        records.append(flow(at, seconds, pulses, key))
        shots.add(records[-1])
    end = int(at * SECOND) + 60 * SECOND
    ended = shots.ended(end)
    assert shots.running(end) is None
    assert len(ended) == shots.count <= len(steps)
    assert sum(len(shot.samples) for shot in ended) == len(steps)
    assert {(shot.end_ns, shot.pulses, shot.key) for shot in ended} == {
        (shot.end_ns, shot.pulses, shot.key) for shot in find_shots(records)
    }
