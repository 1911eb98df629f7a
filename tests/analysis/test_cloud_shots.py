"""Shots as the cloud tells of them, and of one machine that is heard by Bluetooth too."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.analysis.pour import Evidence, Shot, What
from lmdecode.analysis.shots import find_shots
from lmdecode.codec.record import Kind, Record, Value
from tests.analysis.test_brewing import START_NS, brewed

START_MS = START_NS // 1_000_000


def iso(ms: int) -> str:
    """Milliseconds since 1970 as a field has them."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def pushed(
    second: float, document: object = None, *, kind: Kind = Kind.STREAM, text: str | None = None, **fields: Value
) -> Record:
    """A message of the cloud about the machine."""
    return Record(
        START_NS + round(second * 1e9),
        0,
        "machine",
        "lion.example:443",
        "a",
        kind,
        "report" if kind is Kind.STREAM else "response",
        plaintext=json.dumps(document) if document is not None else text,
        fields=fields,
        generation="lion",
        machine="MR012345",
        subject="MESSAGE /ws/sn/MR012345/dashboard",
    )


def last(second: float, seconds: float = 25.6, **more: object) -> dict[str, object]:
    """A coffee of the list that ended at a second."""
    return {"time": START_MS + round(second * 1000), "extractionSeconds": seconds, "doseIndex": "Continuous", **more}


def status(second: float, coffee: dict[str, object] | None, *, flush: object = None, **fields: Value) -> Record:
    """A push of the machine's status."""
    document = {"widgets": [{"code": "CMMachineStatus", "output": {"lastCoffee": coffee, "lastFlush": flush}}]}
    if coffee is not None:
        fields["last_coffee_time"] = iso(int(str(coffee["time"])))
    if flush is not None:
        fields["last_flush_time"] = "2026-11-21T02:55:55.000Z"
    return pushed(second, document, **fields)


def history(second: float, *items: object) -> Record:
    """An answer of the statistics."""
    record = pushed(second, {"output": {"lastCoffees": list(items)}}, kind=Kind.READ)
    return record._replace(extra={"LAST_COFFEE.lastCoffees": list(items)})


def one(records: list[Record]) -> Shot:
    (shot,) = find_shots(records)
    return shot


def test_a_shot_in_three_pushes():
    shot = one(
        [
            status(0, None, machine_status="PoweredOn"),
            pushed(12.3, {}, machine_status="Brewing", brewing_since=iso(START_MS + 10_000)),
            status(37.2, last(35.6), machine_status="PoweredOn"),
            status(40, last(35.601)),
        ]
    )
    assert (shot.what, shot.evidence, shot.key, shot.seconds) == (What.COFFEE, Evidence.PUSH, 5, 25.6)
    assert (shot.start_ns, shot.end_ns) == (START_NS + 10 * 10**9, START_NS + 35_600_000_000)
    assert (shot.pulses, shot.dose, shot.cut, shot.notes, shot.generation) == (None, None, False, (), "lion")


def test_the_first_push_has_a_coffee_of_before():
    shot = one([status(0, last(-3600), machine_status="PoweredOn")])
    assert (shot.evidence, shot.end_ns) == (Evidence.HISTORY, START_NS - 3600 * 10**9)


def test_the_list_of_past_coffees():
    records = [
        history(0, last(-100), last(-9000, 31.0, doseIndex="DoseB", doseMode="PulsesType", doseValue=0)),
        history(60, last(-99.999), last(-20_000, 28.0, doseMode="MassType", doseValue=36.5, targetTemperature=94.0)),
    ]
    shots = find_shots(records)
    assert [(shot.seconds, shot.key, shot.dose, shot.dose_unit, shot.set_temp) for shot in shots] == [
        (28.0, 5, 36.5, "g", 94.0),
        (31.0, 2, None, None, None),
        (25.6, 5, None, None, None),
    ]
    assert {shot.evidence for shot in shots} == {Evidence.HISTORY}


def test_one_that_the_cloud_does_not_count():
    assert one([history(0, last(-9, 2.0, valid=False, invalidReason="TooShort"))]).notes == (
        "the cloud does not count it: TooShort",
    )
    assert one([history(0, last(-9, 2.0, valid=False))]).notes == ("the cloud does not count it",)
    assert one([history(0, last(-9, 2.0, valid=True))]).notes == ()


def test_a_flush_of_before():
    shot = one([status(0, None, flush={"time": START_MS - 5000, "extractionSeconds": 3.2})])
    assert (shot.what, shot.seconds) == (What.FLUSH, 3.2)


def test_one_without_a_last_coffee_is_not_measured():
    since = iso(START_MS + 10_000)
    begins = pushed(12, {}, machine_status="Brewing", brewing_since=since)
    shot = one([begins, pushed(38, {}, machine_status="PoweredOn")])
    assert (shot.what, shot.seconds, shot.cut) == (What.UNKNOWN, None, False)
    assert "which is some seconds late" in shot.notes[0]
    shot = one([begins, pushed(12.5, {}, brewing_since=since)])
    assert (shot.what, shot.cut, shot.start_ns) == (What.UNKNOWN, True, START_NS + 10 * 10**9)


def test_on_alone_is_no_shot():
    assert find_shots([pushed(0, {}, power=True, machine_status="PoweredOn"), pushed(5, {}, power=False)]) == []


def test_of_a_document_that_cannot_be_read_the_fields_count():
    fields: dict[str, Value] = {"last_coffee_time": iso(START_MS - 1000), "last_coffee_seconds": 25.6}
    fields |= {"last_coffee_key": 1, "last_coffee_mode": "MassType", "last_coffee_dose": 30.0}
    shot = one([pushed(0, text='{"widgets": [', **fields)])
    assert (shot.key, shot.seconds, shot.dose, shot.dose_unit) == (1, 25.6, 30.0, "g")


def test_what_was_heard_by_bluetooth_is_not_listed_twice():
    heard = [*brewed(10, 25.6), *brewed(100, 6, "flush")]
    told = [
        pushed(13, {}, machine_status="Brewing", brewing_since=iso(START_MS + 10_500)),
        status(38, last(36.1, 25.61, doseMode="MassType", doseValue=36), machine_status="PoweredOn"),
        status(110, last(36.1, 25.61), flush={"time": START_MS + 106_300, "extractionSeconds": 6.02}),
        history(200, last(36.1, 25.61), last(-5000, 30)),
    ]
    shots = find_shots(sorted([*heard, *told], key=lambda record: record.time_ns))
    assert [(shot.evidence, shot.what) for shot in shots] == [
        (Evidence.HISTORY, What.COFFEE),
        (Evidence.FLOW, What.COFFEE),
        (Evidence.FLOW, What.FLUSH),
    ]
    assert (shots[1].dose, shots[1].dose_unit, shots[1].generation) == (36, "g", "bluetooth")


def test_another_shot_at_about_that_time_is_another():
    heard = brewed(10, 25.6)
    assert len(find_shots([*heard, history(200, last(36.1, 31.0))])) == 2
    assert len(find_shots([*heard, history(200, last(50.0, 25.6))])) == 2
    assert len(find_shots([*heard, history(200, last(36.1, 25.6))._replace(machine="MR054321")])) == 2


def test_the_cloud_has_the_end_of_one_that_is_cut_off():
    shot = one([*brewed(10, 25.6, None)[:12], history(200, last(36.0, 25.6))])
    assert (shot.what, shot.cut, shot.seconds, shot.evidence) == (What.COFFEE, False, 25.6, Evidence.FLOW)
    assert shot.end_ns == START_NS + 35_600_000_000
    assert shot.notes == ("its end is not in the capture: it is from the cloud's list",)


def test_the_counters_of_the_cloud():
    records = [pushed(0, {}, total_coffee=100, total_flushing=7), status(40, last(35.6))]
    records += [pushed(3600, {}, total_coffee=103, total_flushing=8)]
    unseen = [shot for shot in find_shots(records) if shot.evidence is Evidence.COUNTER]
    assert [(shot.what, shot.count, shot.key) for shot in unseen] == [(What.COFFEE, 2, None), (What.FLUSH, 1, None)]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["time", "extractionSeconds", "doseValue", "doseMode", "valid"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=40)
@given(st.lists(values, max_size=4), st.sampled_from(["lastCoffees", "LAST_COFFEE.lastFlush", "widgets[0].lastCoffee"]))
def test_odd_lists_do_no_harm(items, name):
    for extra in ({name: items}, {name: items[0] if items else None}):
        for text in (json.dumps(extra), None):
            record = pushed(0, text=text, machine_status="Brewing")._replace(extra=extra)
            for shot in find_shots([record]):
                assert (shot.start_ns or 0) <= (shot.end_ns or 0)


def test_a_long_history_that_is_asked_for_again_and_again():
    count = 3000
    items = [last(-100 * index) for index in range(count)]
    assert len(find_shots([*brewed(10, 25.6), *(history(100 + index, *items) for index in range(5))])) == count + 1
