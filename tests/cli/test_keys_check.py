"""Several machines' keys: which fits which connection, and what the Records say of it."""

from __future__ import annotations

import json

import pytest

from tests.capture.building import ethernet, pcap, talk
from tests.cli.conftest import CAPTURES
from tests.codec.v1.samples import KEY_TEXT

PCAP = CAPTURES / "gs3av-settings.pcap"
PCAPNG = CAPTURES / "gs3mp-standby.pcapng"
WRONG = "x" * 32
OTHER = "y" * 32


def write_config(path, **entries):
    path.write_text(json.dumps(entries))
    return path


def test_each_connection_and_the_key_that_fits(command):
    result = command("keys", "check", PCAP, PCAPNG, "--key", WRONG, "--key", KEY_TEXT)
    assert result.returncode == 0
    assert result.stdout.splitlines() == [
        str(PCAP),
        "connection 0: app 192.168.1.150:36364 ↔ machine 192.168.1.215:1774",
        "  key 2 decrypts 94 of 94 frames",
        str(PCAPNG),
        "connection 0: app 192.168.1.150:40862 ↔ machine 192.168.1.215:1774",
        "  key 2 decrypts 46 of 46 frames",
    ]


def test_a_connection_is_named_with_its_capture_also_if_the_others_have_none_of_what_was_asked_for(command):
    files = [CAPTURES / "gs3av-settings.pcap", CAPTURES / "gs3mp-standby.pcapng"]
    found = command("keys", "check", *files, "--from", "+9.9s", LMDECODE_KEY=KEY_TEXT)
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines()[0] == str(files[0])
    assert len([line for line in found.stdout.splitlines() if line.startswith("connection")]) == 1


def test_as_json(command):
    (found,) = json.loads(command("keys", "check", PCAP, "-k", WRONG, "-k", KEY_TEXT, "-f", "json").stdout)
    assert (found["key"], found["decrypted"], found["frames"], found["stream"]) == ("key 2", 94, 94, 0)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (("-k", WRONG), "the key does not fit connection 0 (from --key)"),
        (("-k", WRONG, "-k", OTHER), "none of the 2 keys fits connection 0"),
    ],
)
def test_no_key_that_fits_is_an_error(command, keys, words):
    result = command("keys", "check", PCAP, *keys)
    assert result.returncode == 1
    assert "no key decrypts any of its 94 frames" in result.stdout
    assert words in result.stderr
    assert WRONG not in result.stdout + result.stderr


def test_nothing_on_the_port(command):
    assert "nothing on TCP port 9" in command.fails("keys", "check", PCAP, "-k", KEY_TEXT, "--port", 9)


def test_machines_of_the_config_are_named_in_each_record(command):
    config = write_config(
        command.folder / "config.json",
        key=WRONG,
        machines=[{"machine_name": "office", "key": WRONG}, {"machine_name": "kitchen", "key": KEY_TEXT}],
    )
    lines = command("decode", PCAP, "--config", config).stdout.splitlines()
    assert {json.loads(line)["machine"] for line in lines} == {"kitchen"}
    table = command("decode", PCAP, "--format", "table").stdout
    assert "↔ machine 192.168.1.215:1774 kitchen" in table
    assert len(command("decode", PCAP, "--where", "machine=kit*").stdout.splitlines()) == 94
    assert not command("decode", PCAP, "--where", "machine!=kitchen").stdout
    assert "kitchen decrypts 94 of 94" in command("keys", "check", PCAP).stdout
    csv = command("decode", PCAP, "--format", "csv", "--fields", "coffee_temp").stdout.splitlines()
    assert csv[0].endswith(",machine,generation,subject,extra,coffee_temp")
    assert ",kitchen," in csv[1]


def test_one_machine_is_not_named(command):
    write_config(command.folder / "config.json", machine_name="kitchen", key=KEY_TEXT)
    assert "kitchen" not in command("decode", PCAP).stdout


def test_two_machines_in_one_capture_each_with_its_own_key(command, tmp_path):
    """One of the connections cannot be decrypted, so it is shown, whole, and no machine is made up for it."""
    capture = tmp_path / "two.pcap"
    ours = [(segment.time_ns, ethernet(segment)) for segment in talk().segments]
    capture.write_bytes(pcap(ours))
    lines = [
        json.loads(line) for line in command("decode", capture, PCAP, "-k", WRONG, "-k", OTHER).stdout.splitlines()
    ]
    assert all("machine" not in line for line in lines)
    assert {problem for line in lines for problem in line["problems"]} == {
        "does not decrypt to a message with any of the 2 keys"
    }


def test_workers_name_machines_too(command):
    arguments = ("decode", PCAP, PCAPNG, "-k", WRONG, "-k", KEY_TEXT)
    assert command(*arguments, "--jobs", 2).stdout == command(*arguments).stdout != ""


def test_a_frame_to_explain_finds_its_key(command):
    frame = "@/EvNHlfIE/xwlY2eKvFjXw==%"
    assert "R40000023DB" in command("explain", frame, "-k", WRONG, "-k", KEY_TEXT).stdout


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"machines": 7}, 'config.json, line 1: "machines" is not a list'),
        ({"machines": ["x"]}, 'config.json, line 1: "machines" is not a list'),
        ({"machines": [{"key": "short"}]}, 'config.json, line 1: "key" of machine 1: the key has 5 bytes'),
        ({"key": KEY_TEXT, "machines": [{}, {"key": 7}]}, 'config.json, line 1: "key" of machine 2 is not text'),
        ({"machines": [{"name": "x"}]}, 'config.json has no "key"'),
    ],
)
def test_machines_that_cannot_be_used(command, entries, words):
    write_config(command.folder / "config.json", **entries)
    complaint = command.fails("decode", PCAP, code=2 if words.endswith('has no "key"') else 1)
    assert words in complaint
    assert len(complaint.splitlines()) == 1
