"""The samples of one morning tell of one machine: whoever reads them together sees each shot once."""

from __future__ import annotations

import json
import runpy
from heapq import merge
from operator import attrgetter

import pytest

from lmdecode.analysis.timeline import Timeline
from lmdecode.app.decode import Outcome, read
from lmdecode.capture import decode_capture
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.record import Record
from lmdecode.codec.speakers import Speakers
from tests.cli.conftest import CAPTURES

ONE_MORNING = ("lion-morning.flow", "homeassistant.log", "bluetooth-morning.btsnoop")
SHOTS = [("coffee", "06:40:01", 25.612), ("flush", "06:41:00", 3.204), ("coffee", "06:45:10", 27.918)]


@pytest.mark.parametrize("names", [*((name,) for name in ONE_MORNING), ONE_MORNING, ONE_MORNING[::-1]])
def test_two_coffees_and_a_flush_once(command, names):
    result = command("shots", *(CAPTURES / name for name in names), "--format", "jsonl")
    shots = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(shot["what"], shot["start"][11:19], shot["seconds"]) for shot in shots] == SHOTS
    assert {shot["machine"] for shot in shots} == {"MR012345"}


def records(name: str) -> list[Record]:
    return list(read(Outcome(CAPTURES / name), Speakers.open(OwnerAccess())))


@pytest.mark.parametrize("name", ONE_MORNING)
def test_each_tells_of_the_same_changes_within_five_seconds(name):
    """The cloud tells of a change two to four seconds late, and one more passes until a command is carried out."""
    seen: dict[str, list[tuple[float, object]]] = {}
    for record in records(name):
        for field in ("power", "water_reservoir_contact", "coffee_set_temp"):
            value = record.fields.get(field)
            changes = seen.setdefault(field, [])
            if record.role != "request" and value is not None and (not changes or changes[-1][1] != value):
                changes.append((record.time_ns / 1e9 % 86_400, value))
    expected = {
        "power": [("06:29:52", False), ("06:30:20", True), ("07:00:00", False)],
        "water_reservoir_contact": [("06:29:52", True), ("06:46:29", False), ("06:47:39", True)],
        "coffee_set_temp": [("06:29:52", 93.0), ("06:50:00", 94.0)],
    }
    for field, story in expected.items():
        assert [value for _, value in seen[field]] == [value for _, value in story], field
        for (at, _), (clock, _) in zip(seen[field], story, strict=True):
            hours, minutes, seconds = map(int, clock.split(":"))
            assert -1 < at - (hours * 3600 + minutes * 60 + seconds) < 5, (field, clock)


def test_each_write_was_taken_in_each_recording():
    """Two recordings of one client have the same commands, which end in each of them."""
    speakers = Speakers.open(OwnerAccess())
    told = [decode_capture(CAPTURES / name, speakers, capture=name) for name in ONE_MORNING]
    timeline = Timeline()
    for record in merge(*told, key=attrgetter("time_ns")):
        timeline.add(record)
    timeline.finish()
    assert len(timeline.writes) == 9
    assert [write.ok for write in timeline.writes] == [True] * 9
    signed = {write.request.capture for write in timeline.writes if "signature" in write.request.extra}
    assert signed == {"lion-morning.flow"}, "a log has no headers, so no signature is missing in it"


def test_the_machine_has_one_token():
    lion, bluetooth = (runpy.run_path(str(CAPTURES / "make" / f"{name}.py")) for name in ("lion", "bluetooth"))
    assert lion["_BLE_TOKEN"] == bluetooth["TOKEN"]
    assert lion["SERIAL"] == bluetooth["SERIAL"]
