"""`lmdecode memory`, as a user runs it."""

from __future__ import annotations

import json
import os
import pty
import subprocess

import pytest

from lmdecode.app.files import load_image
from lmdecode.codec.v1.memory import NamedMemory
from tests.cli.conftest import CAPTURES, KEY

AV, MP = CAPTURES / "gs3av-settings.pcap", CAPTURES / "gs3mp-standby.pcapng"
ACCOUNT = "00000000-0000-4000-8000-000000000000"


def test_a_capture_as_a_hexdump(run):
    shown = run("memory", AV)
    assert shown.startswith("192.168.1.215, GS3 AV, firmware 1.40, as of 2026-11-21 02:56:05 UTC\n")
    assert "0x0018  00 6E 00 82 03 E8 09 ··  dose_k3  110 pulses           seen\n" in shown
    assert "dose_hot_water  9 s           seen     02:55:57\n" in shown
    assert "  … 0x0328 to 0x3FFF never seen" not in shown
    assert "  … 0x0330 to 0x3FFF never seen\n" in shown
    assert shown.endswith("244 of 65,536 bytes were seen, 18 of them changed\n")


@pytest.mark.parametrize(
    ("at", "dose"),
    [
        ("+0s", None),
        ("+1s", 118),
        ("2026-11-21T02:55:57Z", 121),
        ("03:55:57+01:00", 121),
        ("+2.61s", 118),
        ("+2.62s", 121),
        ("02:55:57.784", 118),
    ],
)
def test_the_memory_at_a_time(run, command, at, dose):
    run("memory", AV, "--at", at, "--format", "json", "--output", "image.json")
    assert NamedMemory(load_image(command.folder / "image.json").memory).get("dose_k2") == dose


def test_times_that_are_not_there(run, command):  # noqa: ARG001 -- it sets the key
    complaint = command.fails("memory", AV, "--at", "03:00", code=2)
    assert "--at '03:00' is not in" in complaint
    assert "which is from 2026-11-21 02:55:55 to 02:56:05 UTC" in complaint
    assert "is written 02:55" in command.fails("memory", AV, "--at", "noon", code=2)


def test_an_image_is_one_that_simulate_and_memory_read(run, command):
    run("memory", AV, "--format", "json", "--output", "image.json")
    entries = json.loads((command.folder / "image.json").read_text())
    assert entries["model"] == "GS3 AV"
    assert entries["made"] == "2026-11-21T02:56:05.192179Z"
    changed = {row["address"]: row["time"] for row in entries["changed"]}
    assert changed["0x0017"].startswith("2026-11-21T02:55:57.785")
    assert "0x0016" not in changed  # of 118 and 121 the upper byte is the same
    image = run("memory", "image.json")
    assert image.startswith("image.json, GS3 AV, firmware 1.40, 2026-11-21 02:56:05 UTC, ")
    assert "0x0018  00 6E 00 82 03 E8 09 ··  dose_k3  110 pulses           seen\n" in image
    assert image.endswith("244 of 65,536 bytes were seen\n")
    simulated = subprocess.run(
        [*command.line, *("simulate", "--image", "image.json", "--port", "0", "--no-mdns", "--quiet")],
        cwd=command.folder,
        env=command.environment,
        input="get dose_k2\nquit\n",
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert "121" in simulated.stdout + simulated.stderr
    assert "has one moment only" in command.fails("memory", "image.json", "--at", "+1s", code=2)


def test_ranges(run, command):
    shown = run("memory", AV, "--range", "0x401C+4")
    assert shown.count("\n") == 4
    assert "4 of 4 bytes were seen" in shown
    run("memory", AV, "--range", "0x401C-0x401D", "--format", "json", "-o", "part.json")
    assert [*load_image(command.folder / "part.json").memory.runs()] == [(0x401C, b"\x03\xca")]
    for text in ("0xFFFF-0x10000", "4000", "0x40-0x30"):
        assert "--range" in command.fails("memory", AV, "--range", text, code=2)


def test_raw_bytes(run, command):
    run("memory", AV, "--format", "bin", "--fill", "0xEE", "--output", "memory.bin")
    content = (command.folder / "memory.bin").read_bytes()
    assert len(content) == 0x10000
    assert content[0x4000:0x4004] == b"\x01\x8c\x02S"
    assert content[0x8000] == 0xEE
    run("memory", AV, "--format", "bin", "--range", "0x3FFF+3", "--output", "part.bin")
    assert (command.folder / "part.bin").read_bytes() == b"\x00\x01\x8c"
    for fill in ("256", "-1", "x", ""):
        assert "is not a byte" in command.fails("memory", AV, "--fill", fill, code=2)


def test_raw_bytes_are_not_for_a_terminal(command):
    primary, secondary = pty.openpty()
    try:
        result = subprocess.run(
            [*command.line, "memory", str(AV), "--format", "bin"],
            cwd=command.folder,
            env=command.environment | {"LMDECODE_KEY": KEY},
            stdout=secondary,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
    finally:
        os.close(secondary)
        os.close(primary)
    assert result.returncode == 2
    assert "cannot be shown in a terminal: name a file" in result.stderr


def test_of_several_machines_one_is_to_be_named(run, command, two_machines):
    complaint = command.fails("memory", two_machines, code=2)
    assert "has 2 machines: choose one with --machine: 192.168.1.215, 192.168.1.216" in complaint
    assert run("memory", two_machines, "--machine", "192.168.1.216").startswith("192.168.1.216, Linea Mini, ")
    assert run("memory", two_machines, "--machine", "*.215").startswith("192.168.1.215, GS3 AV, ")
    assert "has 192.168.1.215, 192.168.1.216" in command.fails("memory", two_machines, "--machine", "office", code=2)


def test_the_account_of_the_machine_is_kept_secret(run, command):
    image = {"format": "lmdecode-memory", "version": 1}
    image["ranges"] = [{"address": "0x0110", "data": (b"\0" + ACCOUNT.encode() + b"\0hush").hex()}]
    (command.folder / "image.json").write_text(json.dumps(image))
    shown = run("memory", "image.json")
    assert shown.count("**") == len(ACCOUNT) + 5
    assert ACCOUNT[:8].encode().hex(" ") not in shown.lower()
    hidden = run("memory", "image.json", "--format", "json")
    assert '{"address": "0x0110", "data": "00"}' in hidden
    assert "0x0120" not in hidden
    run("memory", "image.json", "--format", "bin", "-o", "memory.bin")
    assert b"hush" not in (command.folder / "memory.bin").read_bytes()
    run("memory", "image.json", "--format", "bin", "-o", "memory.bin", "--show-secrets")
    assert b"hush" in (command.folder / "memory.bin").read_bytes()
    assert "0068757368" in run("memory", "image.json", "--format", "json", "--show-secrets")
    assert "0x0138  73 68 ·· " in run("memory", "image.json", "--show-secrets")


def test_inputs_that_cannot_be_used(run, command):  # noqa: ARG001
    (command.folder / "future.json").write_text('{"ranges": [], "format": "lmdecode-memory", "version": 2}')
    (command.folder / "other.json").write_text('{"ranges": []}')
    (command.folder / "empty").write_bytes(b"")
    (command.folder / "nothing.pcap").write_bytes(AV.read_bytes()[:24])
    (command.folder / "asked.pcap").write_bytes(AV.read_bytes()[:800])
    for name, reason in (
        ("future.json", "version 2, and this lmdecode reads version 1"),
        ("other.json", 'does not say "format"'),
        ("empty", "is empty"),
        ("nothing.pcap", "no TCP traffic at all"),
        ("asked.pcap", "says nothing about a machine's memory"),
        ("missing.pcap", "does not exist"),
        (".", "is a directory"),
    ):
        assert reason in command.fails("memory", name), name
    assert "wrong key?" in command.fails("memory", AV, LMDECODE_KEY="x" * 32)
    assert "no key" in command.fails("memory", AV, code=2, LMDECODE_KEY="")


def test_an_image_needs_no_key(command):
    (command.folder / "image.json").write_text(
        '{"format": "lmdecode-memory", "version": 1, "ranges": [{"address": "0x4018", "data": "01"}]}'
    )
    assert "water_reservoir_contact  yes" in command("memory", "image.json").stdout


def test_inputs_are_not_overwritten(run, command):  # noqa: ARG001
    path = command.folder / "same.pcap"
    path.write_bytes(AV.read_bytes())
    assert "name another file" in command.fails("memory", path, "-o", path, "--format", "bin")
    assert path.read_bytes() == AV.read_bytes()


def test_a_capture_that_ends_early_is_shown_and_complained_about(run, command):  # noqa: ARG001
    path = command.folder / "cut.pcap"
    path.write_bytes(AV.read_bytes()[:-30])
    result = command("memory", path)
    assert result.returncode == 1
    assert "dose_k2  121 pulses" in result.stdout
    assert result.stderr.count("\n") == 1


def test_a_recording_of_the_simulator_tells_its_memory(run, hour):
    shown = run("memory", hour, "--at", "+20m", "--range", "0x0014+6")
    assert "dose_k2  121 pulses" in shown
    assert "03:10:00" in shown
