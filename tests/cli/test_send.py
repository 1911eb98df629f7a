"""`lmdecode send` as processes against the simulated machine: what is set, what is asked, how it ends."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lmdecode.codec.v1.framing import unwrap
from lmdecode.codec.v1.key import Key, decrypt
from lmdecode.simulator.faults import Fault, Faults
from tests.cli.live import KEY, running


@pytest.fixture(scope="module")
def machine():
    with running() as each:
        yield each


BEFORE = {
    "power on --yes": {"power": False},
    "steam_boiler_enable on -y": {"steam_boiler_enable": False},
    "preinfusion off": {"prebrew_flag": "preinfusion"},
    "write 0x001E 08 -y": {"dose_hot_water": 9},
}
"""What the machine holds before, where it would hold the new value already."""


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("power off", {"power": False}),
        ("power on --yes", {"power": True}),
        ("coffee_set_temp 93.5 -y", {"coffee_set_temp": 93.5}),
        ("steam_set_temp 120 -y", {"steam_set_temp": 120.0}),
        ("steam_boiler_enable off", {"steam_boiler_enable": False}),
        ("steam_boiler_enable on -y", {"steam_boiler_enable": True}),
        ("dose 2 121", {"dose_k2": 121}),
        ("dose_hot_water 9", {"dose_hot_water": 9}),
        ("prebrew 1 --on 2.5 --off 3.1", {"prebrewing_ton_k1": 2.5, "prebrewing_toff_k1": 3.1}),
        ("prebrewing on", {"prebrew_flag": "prebrewing"}),
        ("preinfusion on", {"prebrew_flag": "preinfusion"}),
        ("preinfusion off", {"prebrew_flag": "off"}),
        ("prebrew_flag prebrewing", {"prebrew_flag": "prebrewing"}),
        ("preinfusion 3 4.4", {"preinfusion_k3": 4.4}),
        ("schedule tue 06:31 17:30", {"tue_on_hour": 6, "tue_on_min": 31, "tue_off_hour": 17, "tue_off_min": 30}),
        ("auto_on_off tue off", {}),
        ("write 0x001E 08 -y", {"dose_hot_water": 8}),
    ],
)
def test_each_setting(command, words, names):
    with running() as machine:
        for name, other in BEFORE.get(words, {}).items():
            machine.machine.physics.set(name, other)
        result = command("send", *words.split(), *machine.options)
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
        assert "→" in result.stdout
        for name, value in names.items():
            assert machine.value(name) == value
        assert len(machine.writes) == 1 + (len(names) > 1)


def test_the_old_and_the_new_value_are_shown(command, machine):
    command("send", "dose", "1", "110", *machine.options)
    result = command("send", "dose", "1", "111", *machine.options)
    assert result.stdout == "dose_k1: 110 pulses → 111 pulses\n"
    result = command("send", "dose", "1", "111", *machine.options)
    assert result.stdout == "dose_k1: already 111 pulses; nothing was sent\n"


def test_one_day_of_the_schedule_leaves_the_others(command, machine):
    before = set(machine.value("auto_bitfield"))
    assert "fri_auto" in before
    result = command("send", "auto_on_off", "fri", "off", *machine.options)
    assert result.stdout == "fri_auto: on → off\n"
    assert set(machine.value("auto_bitfield")) == before - {"fri_auto"}


def test_json(command, machine):
    before = machine.value("dose_k3")
    result = command("send", "dose", "3", "99", "--json", *machine.options)
    assert json.loads(result.stdout) == {
        "state": "done",
        "changes": [
            {"name": "dose_k3", "old": before, "new": 99, "read_back": 99, "unit": "pulses", "state": "done"},
        ],
        "sent": ["W001800020063AB"],
    }
    result = command("send", "read", "0x0018", "2", "--json", *machine.options)
    assert json.loads(result.stdout)["fields"] == {"dose_k3": 99}
    result = command("send", "write", "0x0018", "0064", "--json", "-y", *machine.options)
    assert json.loads(result.stdout) == {
        "address": 0x18,
        "old": "0063",
        "new": "0064",
        "read_back": "0064",
        "state": "done",
    }


def test_a_dry_run_connects_to_nothing(command):
    result = command("send", "dose", "2", "121", "--dry-run", "--key", KEY)
    assert result.returncode == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert [plaintext for plaintext, _ in lines] == ["R00160002DB", "W001600020079B0"]
    for plaintext, frame in lines:
        assert decrypt(Key.parse(KEY), unwrap(frame[1:-1].encode())) == plaintext.encode()
    result = command("send", "auto_on_off", "tue", "on", "--dry-run", "--key", KEY)
    assert "depends on the answer" in result.stdout
    result = command("send", "write", "0x001E", "08", "--dry-run", "--key", KEY, "--json")
    assert json.loads(result.stdout)["plaintext"].startswith("W001E000108")
    for window in (["0x4000", "32"], ["0x4000-0x401F"], ["0x4000..0x401f"], ["0x4000+32"]):
        assert command("send", "read", *window, "--dry-run", "--key", KEY).stdout.startswith("R40000020D8 ")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("coffee_set_temp 101", "coffee_set_temp must be 87 to 100 °C, not 101"),
        ("dose 2 121 --model gs3-mp", "dose_k2 is not on a GS3 MP, only on the GS3 AV"),
        ("dose 9 121", "there is no button '9': give 1 to 5"),
        ("dose 2 121 --model gs4", "no model 'gs4': give GS3 AV"),
        ("cofee-temp 93", "did you mean coffee_set_temp?"),
        ("off", "power off, prebrewing off or steam_boiler_enable off"),
        ("xyzzy 1", "there is no setting 'xyzzy'; there are"),
        ("preinfusion maybe", "not one of on, off"),
        ("preinfusion 1 2 3", "preinfusion takes state, or button, seconds"),
        ("prebrew --on 2", "prebrew takes button, --on, --off; for example"),
        ("schedule tue 06:30", "schedule takes day, on, off; for example"),
        ("coffee_temp 94", "did you mean coffee_set_temp?"),
        ("power on", "there is nobody to ask: give --yes"),
        ("write 0x001E 08", "there is nobody to ask: give --yes"),
        ("write 0x001E 1F -y", "dose_hot_water must be 1 to 30 s, not 31"),
        ("write 0x0111 00 -y", "cloud account"),
        ("write 0x001E 0 -y", "not bytes in hexadecimal"),
        ("write 0xFFFF 0000 -y", "past the end of memory"),
        ("read 0x12345 1", "is not an address"),
        ("read 0x4000 0", "there are 1 to"),
        ("read 0x4000 x", "is not a number of bytes"),
        ("read 0x4000-0x401F 32", "is not an address"),
        ("read 4000", "is not a range of addresses: write 0x4000, 0x4000-0x4022"),
        ("read 0x0000-0xFFFF", "there are 1 to 65535"),
        ("dose 2 30ml", "'30ml' is not a whole number of pulses: 30 ml are about 60 pulses"),
        ("dose 2 1,5", "'1,5' is not a whole number of pulses\n"),
        ("coffee_set_temp 93,5", "'93,5' is not a number of °C: write 93.5\n"),
        ("coffee_set_temp 93,5,1", "'93,5,1' is not a number of °C\n"),
        ("auto_on_off tue maybe", "not one of on, off"),
        ("clock noon", "neither now nor a time"),
        ("coffee_set_temp -5", "must be 87 to 100 °C, not -5"),
        ("read 0x0000 65536", "there are 1 to 65535"),
    ],
)
def test_wrong_usage_sends_nothing(command, machine, words, why):
    before = len(machine.records)
    complaint = command.fails("send", *words.split(), *machine.options, code=2)
    assert why in complaint
    assert complaint.count("\n") == 1
    assert not [each for each in machine.records[before:] if each.role == "request"]


def test_a_model_that_the_machine_tells(command):
    with running(model="GS3 MP") as machine:
        complaint = command.fails("send", "dose", "2", "121", *machine.options, code=2)
        assert "dose_k2 is not on a GS3 MP, only on the GS3 AV" in complaint
        assert machine.writes == []
        assert command("send", "coffee_set_temp", "93", "-y", *machine.options).returncode == 0


@pytest.mark.parametrize(
    ("fault", "code", "why"),
    [
        ("drop", 3, "it says nothing: the machine takes one connection at a time; close the app"),
        ("garbage", 1, "is damaged"),
        ("half", 1, "cut off"),
        ("reset", 3, "before it said anything"),
        ("close", 3, "before it said anything"),
        ("wrong-check", 1, "check byte"),
        ("wrong-preamble", 1, "another request"),
        ("wrong-key", 1, "connected to 127.0.0.1:{port}, but nothing decrypts"),
        ("no-ok", 1, "did not take W00000001 (power): it answered 'NO', not 'OK'"),
        ("busy", 3, "the machine takes one connection at a time; close the app"),
        ("never", 3, "says nothing"),
    ],
)
def test_each_fault_is_one_line_and_a_code(command, fault, code, why):
    with running(fault) as machine:
        complaint = command.fails("send", "power", "off", "--timeout", "0.3", *machine.options, code=code)
        assert why.format(port=machine.port) in complaint
        assert complaint.count("\n") == 1
        assert len(machine.writes) <= 1
        assert machine.value("power") is True


def test_nobody_there(command):
    with running() as machine:
        options = machine.options
    complaint = command.fails("send", "power", "off", *options, code=3)
    assert "refuses the connection" in complaint
    assert complaint.count("\n") == 1


def test_what_is_not_taken_is_said(command, monkeypatch):
    from lmdecode.simulator.machine import Machine

    monkeypatch.setattr(Machine, "_take", lambda *_: None)
    with running() as machine:
        result = command("send", "dose", "2", "121", *machine.options)
    assert result.returncode == 1
    assert result.stdout == "dose_k2: 121 pulses was not taken, the machine has 118 pulses\n"
    assert result.stderr == "lmdecode: the machine said OK, but did not take it: dose_k2\n"


def test_secrets_are_shown_only_when_asked_for(command, machine):
    result = command("send", "read", "0x0111", "8", *machine.options)
    assert "** ** ** ** ** ** ** **" in result.stdout
    result = command("send", "read", "0x0111", "8", "--show-secrets", *machine.options)
    assert "30 30 30 30 30 30 30 30" in result.stdout


def test_a_number_that_is_none_is_no_number_of_seconds(command, machine):
    for words in (("send", "dose", "2", "121"), ("status",)):
        assert "must be a number, not nan" in command.fails(*words, *machine.options, "--timeout", "nan", code=2)


def test_what_fails_is_json_too(command, machine):
    for words, code, why in (("dose 2 0", 2, "must be 1 to 1000"), ("power on", 2, "nobody to ask")):
        result = command("send", *words.split(), "--json", *machine.options)
        assert result.returncode == code
        found = json.loads(result.stdout)
        assert found["state"] == "failed"
        assert why in found["complaint"]
    with running("busy") as busy:
        result = command("send", "read", "0x0000", "1", "--json", *busy.options)
        assert result.returncode == 3
        assert json.loads(result.stdout)["state"] == "failed"


def test_nobody_can_be_asked_through_a_closed_input(command, machine):
    line = [*command.line, "send", "coffee_set_temp", "91", *map(str, machine.options)]
    result = subprocess.run(
        ["/bin/sh", "-c", '"$@" <&-', "sh", *line],
        cwd=command.folder, env=command.environment, capture_output=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    assert result.returncode == 2
    assert result.stderr.startswith("lmdecode: this sets how hot the coffee boiler gets, and there is nobody to ask")


def test_a_full_disk_does_not_hide_that_something_was_sent(command, machine):
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [*command.line, "send", "dose", "1", "99", *map(str, machine.options)],
            cwd=command.folder, env=command.environment, stdout=full, stderr=subprocess.PIPE, encoding="utf-8",
            timeout=60, check=False,
        )  # fmt: skip
    assert result.returncode == 1
    assert "was sent, but this cannot be written: dose_k1: " in result.stderr
    assert machine.value("dose_k1") == 99


class Terminal:
    """A command on a terminal."""

    def __init__(self, command, *arguments):
        self.parent, child = pty.openpty()
        self.process = subprocess.Popen(
            [*command.line, *map(str, arguments)],
            cwd=command.folder,
            env=command.environment | {"TERM": "xterm"},
            stdin=child,
            stdout=child,
            stderr=child,
        )
        os.close(child)
        self.text = ""

    def until(self, wanted, seconds=20):
        deadline = time.monotonic() + seconds
        while wanted not in self.text:
            assert time.monotonic() < deadline, self.text
            try:
                piece = os.read(self.parent, 4096)
            except OSError:
                break
            if not piece:
                break
            self.text += piece.decode()
        assert wanted in self.text

    def type(self, text):
        os.write(self.parent, text.encode())

    def end(self):
        code = self.process.wait(20)
        os.close(self.parent)
        return code


@pytest.mark.parametrize(("answer", "code", "value"), [("y\n", 0, 93.5), ("n\n", 1, 94.3), ("\n", 1, 94.3)])
def test_what_heats_is_asked_for(command, answer, code, value):
    with running() as machine:
        before = machine.value("coffee_set_temp")
        terminal = Terminal(command, "send", "coffee_set_temp", "93.5", *machine.options)
        terminal.until("Go on?")
        assert f"coffee_set_temp: {before} °C → 93.5 °C" in terminal.text
        assert "sets how hot the coffee boiler gets" in terminal.text
        assert machine.writes == []
        terminal.type(answer)
        assert terminal.end() == code
        assert machine.value("coffee_set_temp") == (value if code == 0 else before)
        assert len(machine.writes) == (code == 0)


def test_ctrl_c_at_the_question_sends_nothing_and_says_so(command):
    with running() as machine:
        terminal = Terminal(command, "send", "coffee_set_temp", "93.5", *machine.options)
        terminal.until("Go on?")
        terminal.process.send_signal(signal.SIGINT)
        terminal.until("interrupted; nothing was sent")
        assert terminal.end() == 130
        assert machine.writes == []


@pytest.mark.parametrize(
    ("words", "shown", "asked"),
    [
        ("auto_on_off mon-wed off", "wed_auto: on → off", "this makes 3 changes. Go on?"),
        ("schedule tue 18:00 17:00", "! tue is switched on at 18:00, after it is", "this makes 1 change. Go on?"),
        ("tue_off_time 05:00", "! tue is switched on at 06:00, after it is", "this makes 1 change. Go on?"),
    ],
)
def test_several_changes_and_doubtful_ones_are_asked_for_once(command, words, shown, asked):
    with running() as machine:
        terminal = Terminal(command, "send", *words.split(), *machine.options)
        terminal.until("Go on?")
        assert shown in terminal.text
        assert asked in terminal.text
        assert machine.writes == []
        terminal.type("y\n")
        assert terminal.end() == 0
        assert 1 <= len(machine.writes) <= 2  # hour and minute


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_after_a_write_says_that_it_was_sent(command, number, code):
    late = Faults(in_turn=[None, Fault("delay", 1, 30.0)])  # the read that shows that the key is right, then the write
    with (
        running(faults=late) as machine,
        subprocess.Popen(
            [*command.line, "send", "backflush", "-y", "--timeout", "60", *map(str, machine.options)],
            cwd=command.folder,
            env=command.environment,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process,
    ):
        deadline = time.monotonic() + 20
        while not machine.writes and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        said = process.communicate(timeout=20)[1]
    assert process.returncode == code
    assert f"interrupted after {machine.writes[0]} (command) was sent: whether the machine took it is not known" in said
    assert "Traceback" not in said


def test_it_is_quick(command, machine):
    """Under 0.4 s as a whole process, on a quiet machine; the best of some runs, and slack for a busy one."""
    best = 9.0
    for state in ("off", "on") * 3:
        begin = time.monotonic()
        assert command("send", "power", state, "-y", *machine.options).returncode == 0
        best = min(best, time.monotonic() - begin)
    assert best < 0.8
