"""Times as a user types and reads them, in the zone of the computer: what is shown can be typed."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from tests.capture.building import ASK, SECOND, Talk, packets, pcap, report, seal

CLOCK = slice(len("02:55:55.174"))


@pytest.fixture
def at_times(command, tmp_path):
    """Makes a capture of reports at some times, each with a value of its own; the first is an answer."""
    command.environment["LMDECODE_KEY"] = "12345678901234567890123456789012"

    def make(*times):
        moments = [int(datetime.fromisoformat(time).timestamp()) * SECOND for time in times]
        talk = Talk(time_ns=moments[0]).open().send("app", seal(ASK))
        for number, moment in enumerate(moments):
            talk.time_ns = max(talk.time_ns, moment)
            talk.send("machine", seal(report(900 + number)))
        path = tmp_path / "times.pcap"
        path.write_bytes(pcap(packets(talk.close().segments)))
        return path

    return make


def shown(command, *arguments, **environment):
    """The temperatures of the rows of a table, its headings, and what was said about it."""
    result = command("decode", *arguments, "--format", "table", "--fields", "coffee_temp", **environment)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    rows = [line for line in lines if "coffee_temp" in line]
    return rows, [line for line in lines if "times in" in line], result.stderr


@pytest.mark.parametrize(
    ("zone", "name"),
    [("UTC", "UTC"), ("Europe/Rome", "CET"), ("America/St_Johns", "NST"), ("Pacific/Kiritimati", "UTC+14")],
)
def test_a_time_that_is_shown_can_be_typed(command, at_times, zone, name):
    path = at_times("2026-11-29T19:26:16Z", "2026-11-29T19:26:40Z", "2026-11-29T19:28:01Z")
    rows, headings, _ = shown(command, path, TZ=zone)
    assert [heading.endswith(f", times in {name}") for heading in headings] == [True]
    clock, day = rows[1][CLOCK], headings[0].partition(",")[0]
    for time in (clock, f"{day} {clock}", f"{day}T{clock} {name}", f"{clock[:8]}..{clock[:8]}"):
        assert shown(command, path, "--where", f"time={time}", TZ=zone)[0] == [rows[1]], time
    memory = command("memory", path, "--at", clock[:5], TZ=zone)
    assert memory.stdout.partition("\n")[0].endswith(f", as of {day} {clock[:5]}:59 {name}")
    change = command("diff", path, "--from", clock[:8], "--to", clock[:8], "--format", "table", TZ=zone)
    assert f"coffee_temp            90.0 → 90.1 °C  {clock[:8]}" in change.stdout
    assert change.stdout.count(name) == 2  # of A and of B


def test_the_hour_that_comes_twice(command, at_times):
    path = at_times("2026-10-25T00:30:00Z", "2026-10-25T00:50:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z")
    rows, headings, _ = shown(command, path, TZ="Europe/Rome")
    assert headings == ["2026-10-25, times in CEST", "2026-10-25, times in CET"]
    for time in ("02:30", "2026-10-25T02:30"):
        assert shown(command, path, "--where", f"time={time}", TZ="Europe/Rome")[0] == [rows[0], rows[2]]
    assert shown(command, path, "--where", "time=02:30 CET", TZ="Europe/Rome")[0] == [rows[2]]
    complaint = command.fails("memory", path, "--at", "02:30", code=2, TZ="Europe/Rome")
    assert "from 2026-10-25 02:30:00 CEST to 03:30:00 CET: give the zone too, CEST or CET" in complaint


def test_an_hour_that_is_skipped(command, at_times):
    path = at_times("2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z")
    complaint = command.fails("decode", path, "--where", "time=2026-03-29T02:30..", code=2, TZ="Europe/Rome")
    assert "the clocks went from 02:00 to 03:00" in " ".join(complaint.replace("│", " ").split())
    assert len(shown(command, path, "--where", "time=03:30", TZ="Europe/Rome")[0]) == 1


def test_several_processes_understand_a_time_as_one_does(command, at_times):
    path = at_times("2026-11-29T19:26:16Z", "2026-11-29T19:27:40Z")
    other = path.with_name("other.pcap")
    other.write_bytes(path.read_bytes())
    wanted = ("--where", "time=20:26", "--format", "jsonl", "--where", "sender=machine")
    one, two = (command("decode", path, other, *wanted, "--jobs", jobs, TZ="Europe/Rome").stdout for jobs in "12")
    assert one == two
    assert [line.count("2026-11-29T19:26:16") for line in one.splitlines()] == [1, 1]


def test_utc_is_one_option_for_what_is_shown_and_for_what_is_typed(command, at_times):
    path = at_times("2026-11-29T19:26:16Z", "2026-11-29T19:27:40Z")
    other = path.with_name("other.pcap")
    other.write_bytes(path.read_bytes())
    rows, headings, _ = shown(command, "--utc", path, "--where", "time=19:26", "--from", "19:26:16", TZ="Europe/Rome")
    assert (len(rows), headings) == (1, ["2026-11-29, times in UTC"])
    wanted = ("--from", "19:27", "--utc", "--format", "jsonl", "--jobs", "2")
    lines = command("decode", path, other, *wanted, TZ="Europe/Rome").stdout.splitlines()
    assert [json.loads(line)["time"] for line in lines] == ["2026-11-29T19:27:40.000000Z"] * 2


@pytest.mark.parametrize(
    ("options", "span"),
    [
        (("--where", "time=19:26"), "2026-11-29 20:26:16 to 20:27:40 CET"),
        (("--utc", "--from", "20:26"), "2026-11-29 19:26:16 to 19:27:40 UTC"),
        (("--from", "20:26Z"), "2026-11-29 19:26:16 to 19:27:40 UTC"),
        (("--where", "time=20:26+14:00"), "2026-11-30 09:26:16 to 09:27:40 UTC+14:00"),
        (("--from", "+2h"), "2026-11-29 20:26:16 to 20:27:40 CET"),
    ],
)
def test_a_time_that_leaves_nothing_is_answered_with_the_capture_s_in_the_zone_that_was_typed(
    command, at_times, options, span
):
    rows, _, said = shown(command, at_times("2026-11-29T19:26:16Z", "2026-11-29T19:27:40Z"), *options, TZ="Europe/Rome")
    assert rows == []
    assert f"; they are from {span}\n" in said


def test_a_capture_over_midnight(command, at_times):
    path = at_times("2026-11-29T20:50:00Z", "2026-11-29T22:40:00Z", "2026-11-29T23:10:00Z", "2026-11-30T01:00:00Z")
    rows = shown(command, path, TZ="Europe/Rome")[0]
    assert shown(command, path, "--from", "23:30", TZ="Europe/Rome")[0] == rows[1:]
    assert shown(command, path, "--to", "00:30", TZ="Europe/Rome")[0] == rows[:3]
    assert shown(command, path, "--where", "time=23:30..00:30", TZ="Europe/Rome")[0] == rows[1:3]
