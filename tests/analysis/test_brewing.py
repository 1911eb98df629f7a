"""Shots and flushes of the newer gateways, of the names that they push on the local stream and by Bluetooth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.pour import Evidence, Shot, What
from lmdecode.analysis.shots import MachineShots, find_shots
from lmdecode.codec.record import Kind, Record, Value
from lmdecode.codec.vocabulary import read

START_NS = 1_795_229_755_000_000_000


def said(second: float, *, stream: int = 0, generation: str = "bluetooth", **fields: Value) -> Record:
    """A message that the machine pushed."""
    return Record(
        START_NS + round(second * 1e9),
        stream,
        "machine",
        "m",
        "a",
        Kind.STREAM,
        "report",
        fields=fields,
        generation=generation,
        machine="MR012345",
    )


def pushed(second: float, message: dict[str, object]) -> Record:
    """A message of its own JSON."""
    return said(second, **read("stream", message).fields)


def brewed(begin: float, seconds: float, stop: str | None = "brew", *, stream: int = 0, key: int = 5) -> list[Record]:
    """A brewing of start, updates and stop."""
    records = [said(begin, brew_started_key=key, stream=stream)]
    at = 0.1
    while at < seconds:
        records.append(said(begin + at, flow_seconds=round(at, 3), brew_solenoid_on=True, stream=stream))
        at += 1.07
    if stop is not None:
        names: dict[str, Value] = {f"{stop}_stopped_key": key, f"{stop}_stopped_seconds": seconds}
        records.append(said(begin + seconds, stream=stream, **names))
    return records


def one(records: list[Record]) -> Shot:
    (shot,) = find_shots(records)
    return shot


def test_a_shot_by_bluetooth():
    shot = one([said(0, coffee_temp=93.0), *brewed(10, 25.4), said(60, coffee_temp=95.0)])
    assert (shot.what, shot.key, shot.seconds, shot.evidence) == (What.COFFEE, 5, 25.4, Evidence.FLOW)
    assert (shot.start_ns, shot.end_ns) == (START_NS + 10 * 10**9, START_NS + 35_400_000_000)
    assert (shot.pulses, shot.ml, shot.dose, shot.cut, shot.notes) == (None, None, None, False, ())
    assert (shot.coffee_temp_start, shot.coffee_temp_end, shot.machine) == (93.0, 93.0, "MR012345")
    assert shot.generation == "bluetooth"


@pytest.mark.parametrize(("stop", "seconds", "what"), [("flush", 9.3, What.FLUSH), ("brew", 2.1, What.COFFEE)])
def test_not_the_length_but_the_name_of_the_stop_tells_a_flush(stop, seconds, what):
    assert one(brewed(0, seconds, stop)).what is what


def test_a_shot_of_the_local_stream_has_pulses_and_a_dose():
    records = [
        said(0, generation="v3", dose_k1=110, coffee_set_temp=94.0),
        said(1, generation="v3", brew_started_key=1, brew_target_pulses=126),
        said(7.2, generation="v3", flow_seconds=6.188, flow_pulses=12),
        said(8.2, generation="v3", flow_seconds=7.2, flow_pulses=20, coffee_temp=93.4),
        said(27, generation="v3", brew_stopped_key=1, brew_stopped_seconds=26.0, brew_stopped_pulses=127),
    ]
    shot = one(records)
    assert (shot.what, shot.key, shot.pulses, shot.dose, shot.set_temp) == (What.COFFEE, 1, 127, 126, 94.0)
    assert [sample.pulses for sample in shot.samples] == [12, 20]
    assert (shot.coffee_temp_start, shot.coffee_temp_end) == (None, 93.4)


def test_without_a_target_the_dose_is_that_of_the_button():
    assert one([said(0, dose_k2=110, dose_k5=1), *brewed(1, 5, key=2)]).dose == 110
    assert one([said(0, dose_k2=110, dose_k5=1), *brewed(1, 5)]).dose is None


def test_a_machine_without_a_flow_meter_says_nothing_about_the_water():
    records = [said(0, flow_seconds=0.1, flow_pulses=0), said(9, brew_stopped_seconds=9.1, brew_stopped_pulses=0)]
    assert (one(records).pulses, one(records).ml) == (None, None)


def test_its_own_names_in_one_message():
    message = {"FlushStoppedGroup1DoseIndex": "DoseA", "FlushStoppedGroup1Time": 4.521}
    shot = one([pushed(0, message)])
    assert (shot.what, shot.key, shot.seconds) == (What.FLUSH, 1, 4.521)
    assert shot.notes == ("known by its end alone: its beginning is worked out",)
    assert shot.start_ns == START_NS - 4_521_000_000


def test_without_a_stop_a_shot_is_cut_off_and_nobody_knows_what_it_was():
    shot = one(brewed(0, 12, None))
    assert (shot.what, shot.cut) == (What.UNKNOWN, True)
    assert shot.seconds == pytest.approx(11.87)
    assert shot.notes == ("cut off: still running when the capture ends",)
    shot = one([*brewed(0, 12, None), said(40, steam_temp=130.0)])
    assert shot.notes == ("cut off: no message says that it ended, so it may have been a shot or a flush",)
    shot = one([*brewed(0, 12, None), said(40, steam_temp=130.0, stream=1)])
    assert shot.notes == ("cut off: the connection ended while it ran, so it may have been a shot or a flush",)


def test_the_next_one_begins_though_the_stop_was_lost():
    shots = find_shots([*brewed(0, 12, None), *brewed(100, 20)])
    assert [(shot.cut, shot.what) for shot in shots] == [(True, What.UNKNOWN), (False, What.COFFEE)]
    shots = find_shots([*brewed(0, 12, None), *brewed(100, 20)[1:]])
    assert [(shot.cut, shot.what) for shot in shots] == [(True, What.UNKNOWN), (False, What.COFFEE)]


def test_a_stop_whose_start_was_lost_does_not_end_the_one_before():
    shots = find_shots([*brewed(0, 12, None), said(300, brew_stopped_seconds=28.0)])
    assert [(shot.cut, shot.seconds) for shot in shots] == [(True, pytest.approx(11.87)), (False, 28.0)]


def test_a_stop_that_a_snapshot_says_again_is_one():
    again = said(25.5, brew_stopped_key=5, brew_stopped_seconds=25.02, brew_stopped_pulses=90)
    shot = one([*brewed(0, 25), again, said(26, flow_seconds=25.0)])
    assert (shot.seconds, shot.pulses) == (25, 90)


def test_two_listeners_hear_one_shot():
    both = sorted(brewed(0, 25) + brewed(0.3, 25, stream=1), key=lambda record: record.time_ns)
    shot = one(both)
    assert (shot.streams, shot.seconds, shot.what) == ((0, 1), 25, What.COFFEE)
    seconds = [sample.seconds for sample in shot.samples]
    assert seconds == sorted(set(seconds))


def test_a_shot_over_two_connections_is_one():
    records = brewed(0, 25)
    shot = one([*records[:10], *(record._replace(stream=1) for record in records[18:])])
    assert (shot.streams, shot.seconds, shot.cut) == ((0, 1), 25, False)


def test_a_backflush_is_told_by_the_machine():
    assert one([*brewed(0, 8)[:-1], said(7.9, flow_seconds=7.9, backflush_on=True)]).what is What.BACKFLUSH


def test_a_snapshot_knows_the_temperatures_of_its_brewing():
    stop = {"brew_stopped_key": 5, "brew_stopped_seconds": 25.0}
    snapshot = said(25.4, **stop, snapshot_boiler_start_temp=94.0, snapshot_boiler_temp=92.0)
    shot = one([said(0, coffee_temp=93.0), *brewed(0.3, 25), snapshot])
    assert (shot.coffee_temp_start, shot.coffee_temp_end, shot.seconds) == (94.0, 92.0, 25)


def test_a_serial_number_that_turns_up_late_is_the_name_of_the_same_machine():
    nameless = [record._replace(machine=None) for record in brewed(0, 25)]
    shots = find_shots([*nameless, *brewed(100, 20), *(record._replace(machine=None) for record in brewed(200, 22))])
    assert [shot.machine for shot in shots] == ["MR012345"] * 3
    assert [shot.seconds for shot in shots] == [25, 20, 22]


def test_what_is_replayed_counts_for_nothing():
    replay = said(0)._replace(extra={"replay": True, "flow_seconds": 3.34})
    assert find_shots([replay, said(1, steam_temp=112.0)]) == []


def test_a_late_message_does_not_make_a_shot_longer():
    records = brewed(0, 12)
    late = records[-1]._replace(time_ns=records[-1].time_ns + 700_000_000)
    shot = one([*records[:-1], late])
    assert (shot.end_ns or 0) - (shot.start_ns or 0) == 12_000_000_000


def test_one_with_a_paddle_counts_its_shots_as_those_of_the_first_button():
    records = [said(0, drinks_k1=100, continuous=0), *brewed(10, 25), said(50, drinks_k1=101, continuous=0)]
    assert len(find_shots(records)) == 1
    records += [said(400, drinks_k1=103, continuous=0)]
    unseen = find_shots(records)[-1]
    assert (unseen.evidence, unseen.count, unseen.key) == (Evidence.COUNTER, 2, 1)
    flush = [said(0, drinks_k1=100), *brewed(10, 5, "flush"), said(50, drinks_k1=101)]
    assert [shot.what for shot in find_shots(flush)] == [What.COFFEE, What.FLUSH]


def test_a_machine_that_is_watched():
    shots = MachineShots("MR012345", keep=2)
    for record in brewed(0, 12)[:-1]:
        shots.add(record)
    running = shots.running(START_NS + 12 * 10**9)
    assert running is not None
    assert (running.key, shots.count, shots.ended(START_NS + 12 * 10**9)) == (5, 1, [])
    assert shots.running(START_NS + 16 * 10**9) is None
    for index in range(1, 5):
        for record in brewed(100 * index, 12):
            shots.add(record)
    assert (shots.count, len(shots.ended(START_NS + 600 * 10**9))) == (5, 3)
    assert shots.ended(START_NS + 600 * 10**9)[0].start_ns == START_NS + 400 * 10**9


@given(st.sets(st.integers(0, 41)), st.booleans())
def test_whatever_is_lost_no_shot_is_made_up(lost, connected_anew):
    records = [*brewed(0, 12), *brewed(60, 20, "flush"), said(100, steam_temp=130.0)]
    kept = [record for index, record in enumerate(records) if index not in lost]
    if connected_anew:
        kept = [record._replace(stream=int(record.time_ns > START_NS + 66 * 10**9)) for record in kept]
    shots = find_shots(kept)
    assert len(shots) <= 2
    for shot in shots:
        assert shot.what in {What.COFFEE, What.FLUSH, What.UNKNOWN}
        assert shot.cut == (shot.what is What.UNKNOWN)
        assert (shot.start_ns or 0) <= (shot.end_ns or 0)


numbers = st.one_of(st.integers(0, 6), st.floats(), st.booleans(), st.just("text"), st.just(-1.0))
NAMES = ("brew_started_key", "flow_seconds", "flow_pulses", "brew_stopped_key", "brew_stopped_seconds")
MORE = ("flush_stopped_key", "flush_stopped_seconds", "flush_stopped_pulses", "coffee_temp", "drinks_k1")


@given(st.lists(st.tuples(st.floats(0, 100), st.dictionaries(st.sampled_from(NAMES + MORE), numbers))))
def test_odd_values_do_no_harm(messages):
    records = [said(second, **fields) for second, fields in messages]
    for shot in find_shots(records):
        assert shot.evidence in Evidence


def test_a_brewing_without_an_end_fills_no_memory():
    shots = MachineShots("MR012345", keep=2)
    for second in range(5000):
        shots.add(said(second, flow_seconds=float(second), brew_solenoid_on=True))
    running = shots.running(START_NS + 5000 * 10**9)
    assert running is not None
    assert (len(running.samples), running.seconds, shots.count) == (2000, 4999.0, 1)
    assert running.start_ns == START_NS
