from __future__ import annotations

import csv
import json
import struct

import pytest

from tests.cli.conftest import CAPTURES

DAY = CAPTURES / "gs3av-day.pcapng.zst"


@pytest.fixture
def run(command, config):
    def run(*arguments, **environment):
        return command("shots", "--config", config, *arguments, **environment)

    return run


def test_the_simulated_day(run):
    result = run(DAY)
    shots = list(map(json.loads, result.stdout.splitlines()))
    assert result.returncode == 0
    assert [shot["what"] for shot in shots].count("coffee") == 14
    whole = shots[1]
    assert whole["start"].startswith("2026-11-20T06:48:30.0")
    assert (whole["key"], whole["pulses"], whole["dose"], whole["ml"]) == (1, 120, 120, 60.0)
    assert (whole["coffee_set_temp"], whole["cut"], whole["notes"]) == (96.2, False, [])
    unseen = [shot for shot in shots if shot["evidence"] == "counter"]
    assert [(shot["key"], shot["start"], shot["seconds"]) for shot in unseen] == [(1, None, None), (2, None, None)]
    assert unseen[0]["after"] < "2026-11-20T12:45" < unseen[0]["before"]


def test_csv_and_a_file(run, command):
    assert run(DAY, "-f", "csv", "-o", "shots.csv").stdout == ""
    rows = list(csv.DictReader((command.folder / "shots.csv").read_text().splitlines()))
    assert len(rows) == 18
    reset = next(row for row in rows if row["start"].startswith("2026-11-20T10:42"))
    assert (reset["streams"], reset["pulses"]) == ("1 2", "126")
    assert "made anew" in reset["notes"]


def test_a_table_of_80_columns(run):
    lines = run(DAY, "-f", "table").stdout.splitlines()
    assert lines[0] == "2026-11-20, times in UTC"
    assert max(map(len, lines)) <= 80
    assert "06:48:30     coffee button 1  24.9     120   120  60  96.0–96.1    96.2" in lines
    assert lines[-1] == "14 coffees, 1 flush, 2 hot water, 1 backflush; about 712 ml"


def test_no_water(run, command):
    whole, end = (CAPTURES / "gs3av-settings.pcap").read_bytes(), 24
    for _ in range(20):  # packets, before the water
        end += 16 + struct.unpack_from("<I", whole, end + 8)[0]
    (command.folder / "dry.pcap").write_bytes(whole[:end])
    result = run("dry.pcap", "-f", "table")
    assert (result.returncode, result.stdout) == (0, "no water flowed\n")
    assert run("dry.pcap").stdout == ""


def test_captures_in_any_order(run):
    captures = [CAPTURES / "gs3mp-standby.pcapng", CAPTURES / "gs3av-settings.pcap"]  # the later one first
    result = run(*captures)
    assert result.stdout == run(*captures[::-1]).stdout
    shots = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(shot["streams"], shot["captures"]) for shot in shots] == [([0], [str(path)]) for path in captures[::-1]]
    table = run(*captures, "-f", "csv").stdout.splitlines()
    assert table[0].endswith(",notes,captures")
    assert [line.rpartition(",")[2] for line in table[1:]] == [str(path) for path in captures[::-1]]


def test_nothing_decoded_leaves_the_file_as_it_was(command):
    (command.folder / "old.csv").write_text("old")
    error = command.fails("shots", DAY, "--key", "0" * 32, "-o", "old.csv")
    assert "wrong key?" in error
    assert (command.folder / "old.csv").read_text() == "old"


def test_an_input_is_not_overwritten(command, config):
    capture = command.folder / "a.pcap"
    capture.write_bytes((CAPTURES / "gs3av-settings.pcap").read_bytes())
    assert "name another file" in command.fails("shots", "--config", config, capture, "-o", capture)
