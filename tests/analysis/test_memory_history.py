"""The memory at any moment, and each change with what went on before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.memory_history import History, memory_of
from lmdecode.analysis.typed_times import TimeError
from lmdecode.codec.record import MASK, Kind
from lmdecode.codec.v1.memory import Memory
from tests.analysis.saying import asked, at, said, took, wrote


def history(*records):
    made = History()
    for record in records:
        made.add(record)
    return made


def told(made):
    return [(change.place.name, change.old.hex(), change.new.hex()) for change in made.changes]


@st.composite
def talks(draw):
    """Records in the order of time, over a few registers and unknown bytes that overlap."""
    records = []
    seconds = 0.0
    for gap, what, address, data in draw(
        st.lists(
            st.tuples(
                st.sampled_from([0.0, 0.5, 3.0, 100.0]),
                st.sampled_from(["report", "stream", "write", "refused", "unanswered", "masked"]),
                st.sampled_from([0x4000, 0x401A, 0x401C, 0x401D, 0x0016, 0x0300, 0x010F, 0xFFFE]),
                st.binary(min_size=1, max_size=5),
            ),
            max_size=25,
        )
    ):
        seconds += gap
        digits = data[: 0x10000 - address].hex()
        if what == "masked":
            records.append(said(seconds, address, digits[:-2] + MASK))
        elif what in {"report", "stream"}:
            records.append(said(seconds, address, digits, kind=Kind(what if what == "stream" else "read")))
        else:
            records.append(wrote(seconds, address, digits))
            if what != "unanswered":
                seconds += 0.5
                records.append(took(seconds, records[-1], ok=what == "write"))
    return records


@given(talks(), st.floats(-1, 300))
def test_the_memory_at_a_time_is_what_was_told_up_to_then(records, seconds):
    time_ns = at(seconds)
    expected = memory_of(record for record in records if record.time_ns <= time_ns)
    assert history(*records).at(time_ns) == expected
    assert history(*records).at() == memory_of(records)


@given(talks())
def test_the_changes_one_after_the_other_lead_from_what_was_first_told_to_the_end(records):
    made = history(*records)
    memory, first = made.since(None)
    assert first == {address for start, data in made.at().runs() for address in range(start, start + len(data))}
    for change in made.changes:
        assert change.since_ns <= change.time_ns
        assert len(change.old) == len(change.new) == change.place.length
        for offset, (old, new) in enumerate(zip(change.old, change.new, strict=True), change.place.address):
            if old != new:
                assert memory.read(offset, 1) == bytes([old])
                memory.write(offset, bytes([new]))
    assert memory == made.at()


@given(talks(), st.floats(0, 300), st.floats(0, 300))
def test_since_a_time_is_the_memory_then_with_what_was_told_later(records, start, end):
    made = history(*records)
    start, end = sorted((start, end))
    memory, later = made.since(at(start), at(end))
    then, at_end = made.at(at(start)), made.at(at(end))
    for address in later:
        assert not then.knows(address)
        memory.forget(address, 1)
    assert memory == then
    known = {address for run, data in at_end.runs() for address in range(run, run + len(data))}
    assert later == {address for address in known if not then.knows(address)}


@given(talks())
def test_last_changes_are_those_of_the_changes(records):
    made = history(*records)
    changed = made.last_changes()
    for address, time_ns in changed.items():
        before = made.at(time_ns - 1)
        if before.knows(address) and sum(record.time_ns == time_ns for record in records) == 1:
            assert before.read(address, 1) != made.at(time_ns).read(address, 1)
    memory, _ = made.since(None)
    for run, data in made.at().runs():
        for address, byte in enumerate(data, run):
            if memory.read(address, 1) != bytes([byte]):
                assert address in changed


def test_a_register_changes_as_a_whole():
    made = history(said(0, 0x401C, "03BC04D8"), said(3, 0x401D, "BD"), said(4, 0x0300, "001a0906020115"))
    made.add(said(5, 0x0300, "011a0906020115"))
    assert told(made) == [("coffee_temp", "03bc", "03bd"), ("clock", "001a0906020115", "011a0906020115")]
    assert [(change.since_ns, change.time_ns) for change in made.changes] == [(at(0), at(3)), (at(4), at(5))]


def test_a_register_that_was_seen_in_part_changes_byte_by_byte():
    made = history(said(0, 0x401D, "BC"), said(1, 0x401C, "03BD"))
    assert told(made) == [("coffee_temp", "bc", "bd")]
    assert made.changes[0].place[:2] == (0x401D, 1)


def test_what_goes_before_a_change():
    power = wrote(10, 0x0000, "01")
    made = history(
        said(0, 0x4018, "01"),
        said(0, 0x4002, "00"),
        power,
        took(10.1, power),
        said(20, 0x4002, "00"),
        wrote(25, 0x0016, "0079"),
        asked(29, 0x4002, 1),
        said(30, 0x4002, "01", role="response"),
        said(200, 0x4018, "00"),
    )
    unknown, contact = made.changes
    assert unknown.since_ns == at(20)
    assert [record.fields for record in unknown.writes] == [
        {"dose_k2": 121}
    ]  # power was written before it was seen as it was
    assert [record.kind for record in unknown.requests] == [Kind.WRITE, Kind.WRITE]  # not the read that showed it
    assert not unknown.flowing
    assert [record.address for record in contact.writes] == [0x0000, 0x0016]  # all since it was seen as it was


def test_a_write_long_ago_is_not_told():
    made = history(said(0, 0x4002, "00"), wrote(1, 0x0016, "0079"), said(90, 0x4002, "00"), said(91, 0x4002, "01"))
    assert made.changes[0].writes == ()
    made = history(said(0, 0x4002, "00"), wrote(1, 0x0016, "0079"), said(30, 0x4002, "00"), said(31, 0x4002, "01"))
    assert len(made.changes[0].writes) == 1


def test_water_that_flows_before_a_change():
    flow = said(10, 0x600C, "02", kind=Kind.STREAM)
    still, flowing = said(9, 0x4002, "00"), said(11, 0x4002, "01")
    assert history(still, flow, flowing).changes[0].flowing
    assert not history(still, flow, said(20, 0x4002, "00"), said(23, 0x4002, "01")).changes[0].flowing


def test_a_write_that_was_taken_is_a_change():
    dose = wrote(5, 0x0016, "0079")
    made = history(said(0, 0x0016, "0078"), dose, took(5.2, dose))
    assert told(made) == [("dose_k2", "0078", "0079")]
    assert made.changes[0].written
    assert made.changes[0].time_ns == at(5.2)


def test_time_does_not_run_backwards():
    made = history(said(5, 0x4002, "00"), said(3, 0x4002, "01"), said(6, 0x4002, "02"))
    assert made.at(at(4)) == Memory()
    assert made.at(at(5)).read(0x4002, 1) == b"\x01"
    assert [change.time_ns for change in made.changes] == [at(5), at(6)]


def test_masked_bytes_are_remembered_as_such():
    made = history(said(3, 0x0110, f"41{MASK}{MASK}"))
    assert not made.empty
    assert made.masked() == {0x0111, 0x0112}
    assert made.masked(at(2)) == set()
    assert history(asked(0, 0x4000, 4)).empty


def test_a_moment_can_be_typed():
    made = history(said(0, 0x4018, "00"), said(70, 0x4018, "01"))
    first = made.first_ns
    clock = datetime.fromtimestamp(first // 10**9, UTC)
    for time in (first, f"{clock:%H:%M}", f"{clock:%Y-%m-%dT%H:%M}Z", "+1s", "+1m9s"):
        assert made.at(time, zone=UTC).read(0x4018, 1) == b"\0", time
    assert made.at("+70s").read(0x4018, 1) == made.at(first + 70 * 10**9).read(0x4018, 1) == b"\1"
    assert made.at(f"{clock + timedelta(hours=1):%H:%M}", zone=timezone(timedelta(hours=1))).read(0x4018, 1) == b"\0"
    with pytest.raises(TimeError, match="is not in the capture"):
        made.at("+1h")
    with pytest.raises(TimeError, match="which has no records"):
        history().at("02:55")
