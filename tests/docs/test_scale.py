"""The questions of the page on scale are answered as records say that are decoded one by one."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

import lmdecode
from lmdecode.cli.app import make_app
from tests.cli.conftest import CAPTURES

CONFIG = CAPTURES / "config.json"
NAMES = ("gs3av-day.pcapng.zst", "gs3mp-standby.pcapng", "homeassistant.log", "v3-morning.pcap")
PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
QUESTIONS = [shlex.split(line)[-1] for line in re.findall(r"^    (lmdecode query years .*)$", PAGE, re.MULTILINE)]


@pytest.fixture(scope="module")
def years(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scale")
    junk = folder / "junk.pcap"
    junk.write_bytes(b"nothing of a capture")
    os.utime(junk, (1_700_000_000, 1_700_000_000))  # or it would be one that is still being written
    done = lmdecode.export(*(CAPTURES / name for name in NAMES), junk, to=folder / "years", config=CONFIG)
    assert done.added == len(NAMES)
    return folder / "years"


@pytest.fixture(scope="module")
def records():
    """The records of each capture."""
    return {name: list(lmdecode.decode(CAPTURES / name, config=CONFIG)) for name in NAMES}


@pytest.fixture
def asked(years):
    """Asks the questions of the page that have a text in them; each must have just one."""

    def ask(text):
        (sql,) = [each for each in QUESTIONS if text in each]
        return lmdecode.query(years, sql).to_pylist()

    return ask


def coffees(name):
    found = CliRunner().invoke(make_app(["shots"]), ["shots", str(CAPTURES / name), "--config", str(CONFIG), "--json"])
    shots = map(json.loads, found.stdout.splitlines())
    return sum(shot["count"] for shot in shots if shot["what"] == "coffee")


def highest(records, name):
    return max((record.fields[name] for each in records for record in each if name in record.fields), default=None)


def test_each_question_has_an_answer(years):
    assert len(QUESTIONS) == 11
    for sql in QUESTIONS:
        assert lmdecode.query(years, sql).num_rows, sql


def test_coffees_are_those_that_shots_lists(asked):
    (day,) = asked("max(total_coffee)")
    assert (str(day["date"]), day["coffees"]) == ("2026-11-20", coffees("gs3av-day.pcapng.zst"))
    (lion,) = asked("last_coffee_time")
    assert (lion["machine"], lion["coffees"]) == ("MR012345", coffees("homeassistant.log"))


def test_hours_and_overshoot(asked, records):
    hours = [row["hours"] for row in asked("machine_running_minutes")]
    of_v1 = [records[name] for name in NAMES[:2]]
    assert highest(of_v1, "machine_running_minutes") / 60 in hours
    above = {(row["machine"], str(row["date"])): row["above"] for row in asked("as above")}
    day = [records[NAMES[0]]]
    expected = highest(day, "coffee_temp") - highest(day, "coffee_set_temp")
    assert above["192.168.1.215", "2026-11-20"] == pytest.approx(expected)


def test_the_bytes_that_changed(asked, records):
    seen = defaultdict(set)
    for record in (record for name in NAMES[:2] for record in records[name]):
        if record.data is not None and record.kind == "read":
            for place, byte in enumerate(bytes.fromhex(record.data), record.address):
                seen[place].add(byte)
    changed = {f"0x{place:04X}": len(values) for place, values in sorted(seen.items()) if len(values) > 1}
    assert {row["byte"]: row["values"] for row in asked("unnest(range")} == changed
    assert len(changed) > 20


def test_problems_by_capture_and_kind_and_what_failed(asked, records):
    of_captures = {Path(row["capture"]).name: row["problems"] for row in asked("capture, problems")}
    assert of_captures == {
        name: count for name, each in records.items() if (count := sum(bool(record.problems) for record in each))
    }
    kinds = Counter(str(problem) for each in records.values() for record in each for problem in record.problems)
    assert {row["problem"]: row["times"] for row in asked("unnest(problems)")} == kinds
    (failed,) = asked("'failed'")
    assert failed["capture"].endswith("junk.pcap")
    assert "is not a capture" in failed["complaints"][0]


def test_firmware_and_the_slowest_answers(asked, records):
    everything = [record for each in records.values() for record in each]
    versions = {record.fields["firmware_ver"] for record in everything if "firmware_ver" in record.fields}
    assert {row["firmware_ver"] for row in asked("firmware_ver")} == versions
    slowest = sorted((record.elapsed for record in everything if record.elapsed is not None), reverse=True)[:5]
    assert [row["elapsed"] for row in asked("coalesce(subject")] == pytest.approx(slowest)
