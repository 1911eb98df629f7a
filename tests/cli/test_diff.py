"""`lmdecode diff` and `lmdecode changes`, as a user runs them."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pytest

from tests.cli.test_memory import ACCOUNT, AV, MP


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_a_capture_from_its_beginning_to_its_end(run):
    found = {line["name"]: line for line in lines(run("diff", AV))}
    assert (found["dose_k2"]["old"], found["dose_k2"]["new"], found["dose_k2"]["unit"]) == (118, 121, "pulses")
    assert found["dose_k2"]["written"]
    assert found["auto_bitfield"]["old_data"] == "ff"
    assert "tue_auto" not in found["auto_bitfield"]["new"]
    assert {line["what"] for line in found.values()} == {"changed"}


def test_two_times_in_one_capture(run, command):
    table = run("diff", AV, "--from", "02:55:57", "--to", "02:55:57", "--format", "table")
    assert "A " in table
    assert "before 2026-11-21 02:55:57.000" in table.replace("\n", " ")
    assert "0x0016 dose_k2                118 → 121 pulses  02:55:57, written\n" in table
    assert "dose_hot_water         8 → 9 s" in table
    assert "prebrew_flag" not in table  # it was written a second later
    assert "is not in" in command.fails("diff", AV, "--from", "03:10", code=2)
    assert "is before --from" in command.fails("diff", AV, "--from", "+5s", "--to", "+2s", code=2)


def test_two_captures(run):
    found = lines(run("diff", AV, MP))
    by_address = {line["address"]: line for line in found}
    assert by_address[0x4001]["old"] == "1.40"
    assert by_address[0x4001]["new"] == "1.23"
    assert by_address[0x4000]["name"] is None
    assert (by_address[0x4021]["name"], by_address[0x4021]["known"]) == ("mystery_2", False)
    table = run("diff", AV, MP, "--format", "table", "--range", "0x4000-0x40FF")
    assert "0x4060 unknown                21 → 00\n" in table
    assert "0x4063 t_unit                 C → 0x98\n" in table
    assert "0x4022 steam_boiler_enable    yes → yes, bit 2\n" in table
    assert "dose_k2" not in table


def test_images_and_captures_in_any_mix(run, command):
    run("memory", AV, "--at", "+1s", "--format", "json", "-o", "before.json")
    run("memory", AV, "--format", "json", "-o", "after.json")

    def changed(*arguments):
        return [
            (line["address"], line["old_data"], line["new_data"])
            for line in lines(run("diff", *arguments))
            if line["what"] == "changed"
        ]

    images = changed("before.json", "after.json")
    assert (0x0016, "0076", "0079") in images
    assert changed("before.json", AV) == images
    assert changed(AV, "after.json", "--from", "+1.000000001s") == images
    assert lines(run("diff", "after.json", AV)) == []
    assert "name two files" in command.fails("diff", "after.json", code=2)
    assert "has one moment only" in command.fails("diff", "after.json", AV, "--from", "+1s", code=2)


def test_bytes_that_one_side_knows(run, command):
    for name, address, data in (("a", "0x401C", "03BC"), ("b", "0x401D", "BD04")):
        (command.folder / name).write_text(
            json.dumps(
                {
                    "format": "lmdecode-memory",
                    "version": 1,
                    "ranges": [{"address": address, "data": data}],
                    "regions": [{"address": "0x0200", "length": 16, "answer": "echo"}] * (name == "a"),
                }
            )
        )
    assert [(line["what"], line["address"]) for line in lines(run("diff", "a", "b"))] == [
        ("changed", 0x401D),
        ("only_old", 0x401C),
        ("only_new", 0x401E),
        ("region_only_old", 0x0200),
    ]
    table = run("diff", "a", "b", "--format", "table")
    assert "only in A: 1 byte\n0x401C            03  coffee_temp\n" in table
    assert "only in B: 1 byte\n0x401E            04  steam_temp\n" in table
    assert "only in A: reads of 0x0200 to 0x020F are echoed\n" in table


def test_the_exit_code(run, command):
    run("memory", AV, "--format", "json", "-o", "a.json")
    assert command("diff", "a.json", "a.json", "--exit-code").returncode == 0
    assert command("diff", AV, MP).returncode == 0
    assert command("diff", AV, MP, "--exit-code").returncode == 1
    assert command("diff", AV, MP, AV).returncode == 2


def test_secrets_in_differences(run, command):
    for name, account in (("a", ACCOUNT), ("b", ACCOUNT[::-1])):
        data = account.encode().ljust(63, b"x").hex()
        ranges = [{"address": "0x0111", "data": data}] + [{"address": "0x0100", "data": "41"}] * (name == "b")
        (command.folder / name).write_text(json.dumps({"format": "lmdecode-memory", "version": 1, "ranges": ranges}))
    (command.folder / "none").write_text('{"format": "lmdecode-memory", "version": 1, "ranges": []}')
    for pair in (("a", "b"), ("a", "none"), ("none", "b")):
        for style in ("table", "jsonl"):
            shown = run("diff", *pair, "--format", style)
            assert "**" in shown
            assert "2d343030302d" not in shown.replace(" ", "").lower()
            assert "2d303030342d" not in shown.replace(" ", "").lower()
    assert "2d343030302d" in run("diff", "a", "b", "--format", "jsonl", "--show-secrets")


def test_changes_over_a_capture(run):
    table = run("changes", AV, "--format", "table")
    assert table.startswith("2026-11-21, times in UTC\n")
    assert "02:55:57.785 dose_k2                118 → 121 pulses  written\n" in table
    assert "02:55:58.799 auto_bitfield          −tue_auto  written\n" in table
    assert "19 changes until 02:56:05, 90.0 to 97.5 °C\n" in table
    rows = list(csv.DictReader(StringIO(run("changes", AV, "--format", "csv"))))
    assert [row["new"] for row in rows if row["name"] == "dose_k2"] == ["121"]


def test_the_clock_is_left_out_and_that_is_said(command, run, hour):
    result = command("changes", hour)
    names = [line["name"] for line in lines(result.stdout)]
    assert "clock" not in names
    assert "changes of clock, which ticks (--all shows them)" in result.stderr
    every = [line["name"] for line in lines(run("changes", hour, "--all"))]
    assert every.count("clock") > 1000
    assert len(every) > 3 * len(names)
    assert {line["name"] for line in lines(run("changes", hour, "--only", "clock"))} == {"clock"}


def test_only_some_changes(run, command, hour):
    assert {line["name"] for line in lines(run("changes", hour, "--only", "pump_on"))} == {"heating_state"}
    assert {line["name"] for line in lines(run("changes", hour, "--fields", "dose_*"))} == {"dose_k2"}
    unknown = lines(run("changes", hour, "--unknown"))
    assert {line["address"] for line in unknown} == {0x400F, 0x4020}
    assert {line["known"] for line in unknown} == {False}
    assert [line["address"] for line in lines(run("changes", hour, "--range", "0x0014+4"))] == [0x0016]
    unknown = command.fails("changes", hour, "--only", "pumpon", code=2, COLUMNS="200")
    assert "no field 'pumpon'; did you mean pump_on?" in unknown
    assert "--range" in command.fails("changes", hour, "--range", "0x10000", code=2)


def test_what_went_before_a_change_is_told(run, hour):
    (auto,) = lines(run("changes", hour, "--only", "auto_bitfield"))
    assert auto["written"]
    unknown = [line for line in lines(run("changes", hour, "--unknown")) if line["address"] == 0x400F]
    assert sum(line["flowing"] for line in unknown) >= len(unknown) - 1  # the first was touched at the beginning
    table = run("changes", hour, "--unknown", "--format", "table")
    assert "power_mystery 0x400F   00 → 04, bit 2  while water flowed\n" in table


def test_changes_of_one_machine(run, command, two_machines):
    assert "choose one with --machine" in command.fails("changes", two_machines, code=2)
    assert {line["machine"] for line in lines(run("changes", two_machines, "--machine", "*216"))} == {"192.168.1.216"}
    run("memory", AV, "--format", "json", "-o", "image.json")
    assert "lmdecode diff compares two" in command.fails("changes", "image.json", code=2)


@pytest.mark.parametrize("name", ["diff", "changes", "memory", "unknowns"])
def test_each_command_explains_itself_and_a_closed_pipe_is_silent(command, run, name):  # noqa: ARG001
    assert "Examples:" in command(name, "--help").stdout
    import subprocess

    result = subprocess.run(
        f"{command.shell(name, AV)} | head -1",
        shell=True,
        cwd=command.folder,
        env=command.environment,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert b"Traceback" not in result.stderr
    assert b"Broken" not in result.stderr
