"""`shots`, `changes`, `unknowns`, `memory` and `report` of the newer generations' samples, without a key."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import CAPTURES

LION = CAPTURES / "lion-morning.har"
RADIO = CAPTURES / "bluetooth-morning.btsnoop"
LOCAL = CAPTURES / "v3-morning.pcap"


@pytest.mark.parametrize(("capture", "generation"), [(LION, "lion"), (RADIO, "bluetooth"), (LOCAL, "v3")])
def test_two_coffees_and_a_flush_without_a_key(command, capture, generation):
    result = command("shots", capture, "--format", "jsonl")
    assert result.returncode == 0, result.stderr
    shots = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted(shot["what"] for shot in shots) == ["coffee", "coffee", "flush"]
    assert {shot["generation"] for shot in shots} == {generation}
    assert not any(shot["cut"] or shot["notes"] for shot in shots)


@pytest.mark.parametrize("capture", [LION, RADIO, LOCAL])
def test_the_temperature_that_was_set_has_changed(command, capture):
    result = command("changes", capture, "--only", "coffee_set_temp", "--format", "jsonl")
    (line,) = map(json.loads, result.stdout.splitlines())
    assert (line["old"], line["new"], line["unit"]) == (93.0, 94.0, "°C")


def test_names_without_a_meaning_are_for_explorers(command):
    lines = [json.loads(line) for line in command("unknowns", LION, "--format", "jsonl").stdout.splitlines()]
    assert {line["generation"] for line in lines} == {"lion"}
    assert "LAST_COFFEE.lastCoffees" in {line["name"] for line in lines if line["known_list"]}
    assert "**" not in json.dumps([line["values"] for line in lines if "oken" in line["name"]])
    assert command("unknowns", RADIO, "--range", "0x4000-0x40FF", "--format", "jsonl").stdout == ""


@pytest.mark.parametrize("name", ["memory", "diff"])
def test_a_command_about_bytes_says_what_to_use_instead(command, name):
    result = command(name, LION)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        f"lmdecode: {LION} has no memory to show, for the cloud names values instead of addresses: "
        "use lmdecode changes, or lmdecode report"
    )


def test_a_page_of_two_generations(command):
    result = command("report", LION, RADIO, "-o", "report.html")
    assert result.returncode == 0, result.stderr
    page = (command.folder / "report.html").read_text(encoding="utf-8")
    assert "heard through the cloud and by Bluetooth" in page
    assert '"name":"lion.lamarzocco.io' not in page
