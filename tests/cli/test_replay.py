"""`lmdecode replay` as a process: captures against the simulated machine."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time

import pytest

from lmdecode.capture.net.packet import ACK, PSH, Segment
from lmdecode.codec.record import Kind
from lmdecode.codec.v1.framing import wrap
from lmdecode.codec.v1.key import Key, encrypt
from lmdecode.codec.v1.message import Message, build
from tests.capture.building import APP, MACHINE, SECOND, START_NS, ethernet, pcap
from tests.cli.conftest import CAPTURES
from tests.cli.simulated import KEY, simulated, wait_for_log

SETTINGS = CAPTURES / "gs3av-settings.pcap"
OTHER = "abcdefghijklmnopqrstuvwxyz012345"


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def writes_to(command):
    """What the simulated machine was told to do, in order."""
    log = (command.folder / "machine.log").read_text()
    return re.findall(r"app write (\w+)", log)


def capture_of(path, *messages, key=KEY):
    """A capture of some messages of the app's."""
    sequence, packets = 1, []
    for index, message in enumerate(messages):
        frame = wrap(encrypt(Key.parse(key), build(message)))
        time_ns = START_NS + index * SECOND
        packets.append((time_ns, ethernet(Segment(time_ns, APP, MACHINE, ACK | PSH, sequence, 1, frame))))
        sequence += len(frame)
    path.write_bytes(pcap(packets))
    return path


def test_the_reads_of_a_capture(command):
    with simulated(command) as machine:
        begin = time.monotonic()
        result = command("replay", SETTINGS, *machine, "--speed", "10", "--format", "table")
        took = time.monotonic() - begin
        same = command("replay", SETTINGS, *machine, "--speed", "max", "--ignore", "none")
        assert writes_to(command) == []
    assert (result.returncode, same.returncode) == (1, 1)
    assert took > 0.4  # the capture's requests take 4.2 s
    assert result.stdout.startswith("recorded 2026-11-21, times in UTC\n02:55:55.174 read status ")
    assert result.stdout.count("recorded") == 1
    assert "02:55:55.177 read configuration         same\n" in result.stdout
    assert "    coffee_set_temp 93.5 °C → 96.2 °C\n" in result.stdout
    assert "    auto_bitfield +tue_auto\n" in result.stdout
    assert (
        "read status                volatile\n    may differ: heating_state, coffee_temp, steam_temp\n" in result.stdout
    )
    assert "write power                not sent (a write: give --writes)" in result.stdout
    counts = re.search(
        r"28 requests: (\d+) same, (\d) different only in what may differ, 3 different, 12 not", result.stderr
    )
    assert int(counts[1]) + int(counts[2]) == 13  # a counter may have moved, or not yet
    entries = lines(same)
    assert [entry["verdict"] for entry in entries].count("volatile") == 0
    assert entries[0]["changes"][1] == {
        "name": "coffee_temp",
        "old": 93.8,
        "new": pytest.approx(96, abs=3),
        "unit": "°C",
    }


def test_the_writes_each_once_and_then_nothing_differs(command):
    with simulated(command) as machine:
        result = command(
            "replay", SETTINGS, *machine, "--speed", "max", "--writes", "--yes", "--ignore", "volatile,power"
        )
        written = writes_to(command)
    assert result.returncode == 0, result.stdout
    listed = [line for line in result.stderr.splitlines() if line.startswith("0x")]
    assert len(written) == len(listed) == 12
    assert listed[:2] == [
        "0x0000 power yes  ! heats the boilers",
        "0x0007 coffee_set_temp 93.5 °C  ! sets how hot the coffee boiler gets",
    ]
    assert written[:2] == ["power", "coffee_set_temp"]
    assert {entry["verdict"] for entry in lines(result)} == {"same", "volatile"}


def test_writes_are_asked_about(command):
    with simulated(command) as machine:
        said = command.fails("replay", SETTINGS, *machine, "--writes", code=2)
        assert "there is nobody to ask: give --yes" in said
        assert "read" not in (command.folder / "machine.log").read_text()


def test_a_write_that_the_model_does_not_have_is_made_by_nobody(command):
    with simulated(command, "--model", "GS3 MP") as machine:
        said = command.fails("replay", SETTINGS, *machine, "--writes", "--yes", "--speed", "max", code=2)
        assert "write dose_k2: dose_k2 is not on a GS3 MP, only on the GS3 AV; nothing was sent" in said
        assert writes_to(command) == []


def test_a_write_that_is_out_of_range_is_made_by_nobody(command):
    hot = Message(Kind.WRITE, 0x0007, 2, (1200).to_bytes(2, "big"))
    capture = capture_of(command.folder / "hot.pcap", Message(Kind.READ, 0, 1), hot)
    with simulated(command) as machine:
        said = command.fails("replay", capture, *machine, "--writes", "--yes", code=2)
        assert "coffee_set_temp must be 87 to 100 °C, not 120; nothing was sent" in said
        assert writes_to(command) == []


def test_the_account_is_left_out(command):
    account, power = Message(Kind.READ, 0x0111, 0x20), Message(Kind.READ, 0, 1)
    capture = capture_of(command.folder / "account.pcap", account, power)
    with simulated(command) as machine:
        result = command("replay", capture, *machine, "--speed", "max")
        assert "app read 0111" not in (command.folder / "machine.log").read_text()
        asked = command("replay", capture, *machine, "--speed", "max", "--secrets", "--writes", "--yes")
    assert lines(result)[0]["note"] == "it is about the machine's own cloud account (0x0111 to 0x014F)"
    assert lines(result)[1]["note"] == "no answer recorded, now 1 bytes"
    assert lines(asked)[0]["verdict"] == "different"
    assert "00000000-0000" not in asked.stdout + asked.stderr + result.stdout


def test_another_key_for_the_capture(command):
    capture = capture_of(command.folder / "other.pcap", Message(Kind.READ, 0, 1), key=OTHER)
    with simulated(command) as machine:
        said = command.fails("replay", capture, *machine)
        assert (
            "wrong key? (it is from --key or config); --capture-key gives the key of the machine in the capture" in said
        )
        result = command("replay", capture, *machine, "--capture-key", OTHER)
    assert len(lines(result)) == 1


def test_answers_that_are_missing(command):
    capture = capture_of(command.folder / "a.pcap", Message(Kind.READ, 0x1000, 4), Message(Kind.READ, 0x0200, 4))
    with simulated(command) as machine:
        result = command("replay", capture, *machine, "--speed", "max", "--timeout", "1.5", "-f", "table")
    assert "same (no answer, as recorded" in result.stdout
    assert "different (no answer recorded, now an echo)" in result.stdout
    assert "2 requests: 1 same, 1 different" in result.stderr


def test_a_missing_answer_fails(command):
    with simulated(command, "--fault", "drop") as machine:
        process = subprocess.Popen(
            [*command.line, "replay", SETTINGS, *machine, "--speed", "max", "--timeout", "1.2"],
            cwd=command.folder,
            env=command.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        wait_for_log(command, "app read configuration")
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate(timeout=10)
    assert process.returncode == 130
    first = json.loads(shown.splitlines()[0])
    assert first["verdict"] == "missing"
    assert "did not answer R40000023 (status) in time" in first["note"]
    assert "28 requests: 1 missing, 27 not reached" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--speed", "fast"], "--speed fast: give a number such as 1, 10 or 0.5, or max"),
        (["--speed", "0"], "--speed 0"),
        (["--speed", "nan"], "--speed nan"),
        (["--ignore", "cofee_temp"], "--ignore: no field 'cofee_temp'; did you mean coffee_temp?"),
    ],
)
def test_what_cannot_be_meant(command, arguments, complaint):
    said = command.fails("replay", SETTINGS, "--host", "127.0.0.1", "--key", KEY, *arguments, code=2)
    assert complaint in said


def test_nothing_to_be_sent(command):
    here = ["--host", "127.0.0.1", "--port", "1", "--key", KEY]
    assert command.fails("replay", "nowhere.pcap", *here).count("\n") == 1
    (command.folder / "empty.pcap").write_bytes(SETTINGS.read_bytes()[:24])
    assert "no TCP traffic at all" in command.fails("replay", "empty.pcap", *here)
    capture_of(command.folder / "dumb.pcap", key=KEY)
    assert "no TCP traffic" in command.fails("replay", "dumb.pcap", *here)
    assert "127.0.0.1:1 refuses the connection" in command.fails("replay", SETTINGS, *here, code=3)


def test_a_dry_run_shows_what_would_be_sent_and_connects_to_nothing(command):
    keys = ("--key", KEY, "--model", "gs3-av")  # no address: nobody could connect
    result = command("replay", SETTINGS, *keys, "--writes", "--dry-run", "--from", "+2s", "--to", "+2.7s")
    assert result.returncode == 0
    assert [(line["verdict"], line["fields"]) for line in lines(result)] == [
        ("would be sent", {"power": True}),
        ("would be sent", {"coffee_set_temp": 93.5}),
        ("would be sent", {"steam_set_temp": 124.1}),
        ("would be sent", {"dose_k2": 121}),
    ]
    assert result.stderr == "4 requests: 4 would be sent; nothing was sent\n"
    shown = command(
        "replay", SETTINGS, *keys, "--dry-run", "--format", "table", "--where", "kind=write", "--to", "+2.1s"
    )
    assert shown.stdout.splitlines()[1:] == [
        "02:55:57.179 write power                not sent (a write: give --writes)"
    ]


def test_a_dry_run_finds_writes_that_no_machine_takes(command):
    capture = capture_of(command.folder / "x.pcap", Message(Kind.WRITE, 0x0007, 2, b"\xff\xff"))
    complaint = command.fails("replay", capture, "--key", KEY, "--writes", "--dry-run", code=2)
    assert "nothing was sent" in complaint


def test_requests_are_chosen_by_themselves_or_by_their_answers(command):
    run = ("replay", SETTINGS, "--key", KEY, "--dry-run", "--where")
    assert len(lines(command(*run, "name=dose_k2"))) == 3  # two reads and a write
    assert len(lines(command(*run, "ok=yes"))) == 12  # which only the answers to writes have
    assert "no request of the app in" in command.fails(*run, "coffee_temp>200")
    assert "--capture-key" in command("replay", "--help").stdout
