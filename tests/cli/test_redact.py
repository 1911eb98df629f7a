"""`lmdecode redact` as users run it: what it prints, its exit codes, and what happens to files."""

from __future__ import annotations

import json
import stat

import pytest

from tests.cli.conftest import CAPTURES, KEY

SETTINGS = CAPTURES / "gs3av-settings.pcap"


def test_what_was_replaced_is_listed_by_kind_and_the_copy_decodes(command):
    result = command("redact", SETTINGS, "copy.pcap", "--config", CAPTURES / "config.json")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "pcap: 94 messages copied"
    assert "  serial number  1 value, replaced 8 times" in lines
    assert lines[-1] == "The times are as they were: they show when somebody was at home."
    assert max(map(len, lines)) <= 80
    decoded = command("decode", "copy.pcap", "--key", KEY, "--format", "jsonl")
    assert "94 messages, 0 problems" in decoded.stderr
    assert "Sn0000000001" in decoded.stdout


def test_json_is_one_object_and_has_no_value(command):
    result = command("redact", CAPTURES / "lion-morning.har", "copy.har", "--json")
    assert result.returncode == 0
    told = json.loads(result.stdout)
    assert told["output"] == "copy.har"
    assert told["messages"] == 48
    assert told["replaced"]["serial number"]["values"] == 1
    assert told["left_out"]["packets, requests or lines of others"] == 1
    assert "MR012345" not in result.stdout


@pytest.mark.parametrize("name", ["v3-morning.pcap", "lion-morning.flow", "bluetooth-morning.btsnoop"])
def test_each_sample_has_a_copy_without_its_serial_number(command, name):
    result = command("redact", CAPTURES / name, f"copy-{name}")
    assert result.returncode == 0, result.stderr
    copy = (command.folder / f"copy-{name}").read_bytes()
    assert b"MR012345" not in copy
    decoded = command("decode", f"copy-{name}", "--format", "jsonl")
    assert decoded.returncode == 0
    assert decoded.stdout.count("\n") > 40


def test_a_copy_has_the_rights_of_a_new_file_and_replaces_one_with_its_name(command):
    copy = command.folder / "copy.pcap"
    copy.write_bytes(b"older")
    copy.chmod(0o644)
    assert command("redact", SETTINGS, copy, "--key", KEY).returncode == 0
    assert copy.read_bytes()[:4] == b"\x4d\x3c\xb2\xa1"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o644
    assert [path.name for path in command.folder.iterdir()] == ["copy.pcap"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["redact", SETTINGS, "copy.pcap"], 2, "a copy needs the machine's key"),
        (["redact", SETTINGS, "copy.pcap", "--key", "x" * 32], 1, "lmdecode keys check"),
        (["redact", CAPTURES / "gs3av-settings.tshark.json", "copy.json"], 1, "redact the file that it was made from"),
        (["redact", "-", "copy.pcap"], 2, "save it to a file"),
        (["redact", SETTINGS, "-"], 2, "the copy needs a file name"),
        (["redact", "nowhere.pcap", "copy.pcap"], 1, "does not exist"),
        (["redact", SETTINGS, "nowhere/copy.pcap", "--key", KEY], 1, "cannot be written"),
        (["redact", SETTINGS, "copy.pcap.gz", "--key", KEY], 2, "not compressed"),
        (["redact", SETTINGS, "copy.pcap", "--key", KEY, "--port", "80"], 1, "no message that lmdecode can copy"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_no_file(command, arguments, code, message):
    complaint = command.fails(*arguments, code=code)
    assert message in " ".join(complaint.split())
    assert len(complaint.splitlines()) == 1
    assert not any(path.name.startswith("copy") for path in command.folder.iterdir())


def test_the_original_is_never_overwritten(command):
    original = command.folder / "morning.pcap"
    original.write_bytes(SETTINGS.read_bytes())
    complaint = command.fails("redact", original, original, "--key", KEY, code=2)
    assert "is the file that is read" in complaint
    assert original.read_bytes() == SETTINGS.read_bytes()
