"""`lmdecode unknowns`, as a user runs it."""

from __future__ import annotations

import json
import re

from tests.cli.test_memory import AV, MP


def test_a_byte_that_follows_the_pump(run, hour):
    table = run("unknowns", hour, "--format", "table")
    assert table.startswith(f"192.168.1.215, GS3 AV, firmware 1.40: {hour}\n")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d to \d\d:\d\d:\d\d UTC", table.splitlines()[1])
    start = table.index("\n0x400F power_mystery  ")
    end = table.index("\n0x4020 mystery_1  ")
    followed, wandering = table[start:end], table[end:]
    assert "  perhaps  pump_on: changed within 5 s of " in followed
    assert "rank correlation +" in followed
    assert "no register stands out" in wandering
    assert "pairs of an unknown byte and a register were compared" in wandering
    assert "is a hint and no more" in wandering
    assert "0x401B  00  bits 80 of heating_state\n" in table


def test_lines_for_programs(run, hour):
    lines = {line["address"]: line for line in map(json.loads, run("unknowns", hour).splitlines())}
    byte = lines[0x400F]
    assert {hint["name"] for hint in byte["hints"][:3]} >= {"pump_on", "brew_solenoid_on"}
    assert byte["hints"][0]["n"] == byte["changes"] + 1
    assert byte["pairs"] > 20
    assert sum(value["seen"] for value in byte["values"]) == byte["seen"]
    assert lines[0x4020]["hints"] == []
    assert (byte["machine"], byte["model"], byte["firmware"]) == ("192.168.1.215", "GS3 AV", "1.40")


def test_machines_and_firmwares_are_kept_apart(run, two_machines):
    table = run("unknowns", AV, MP, "--format", "table")
    assert "192.168.1.215, GS3 AV, firmware 1.40: " in table
    assert "192.168.1.215, GS3 MP, firmware 1.23: " in table
    assert "0x4064  B0 03 D7 04 50 00 50 00 0F 00 0F 00 64 00 64 00\n" in table
    assert "Nothing was compared: no unknown byte changed" in table
    machines = {json.loads(line)["machine"] for line in run("unknowns", two_machines).splitlines()}
    assert machines == {"192.168.1.215", "192.168.1.216"}


def test_options(run, command, hour):
    assert "too few to compare" in run("unknowns", hour, "--min-changes", "500", "--format", "table")
    some = run("unknowns", hour, "--range", "0x4010+4").splitlines()
    assert [json.loads(line)["address"] for line in some] == [0x4010, 0x4012]
    assert "within 1.5 s of" in run("unknowns", hour, "--within", "1.5", "--format", "table").replace(
        "\n           ", " "
    )
    assert "--range" in command.fails("unknowns", hour, "--range", "0xFFFF+2", code=2)
    assert "--within" in command.fails("unknowns", hour, "--within", "-1", code=2)


def test_a_capture_is_not_counted_twice(run, command, hour):
    again = command.folder / "again.pcap"
    again.write_bytes(hour.read_bytes())
    assert "would count twice" in command.fails("unknowns", hour, again)
    run("memory", AV, "--format", "json", "-o", "image.json")
    assert "is a memory image" in command.fails("unknowns", "image.json", code=2)
