"""Two processes and the air between them: a simulated machine over Bluetooth, and commands that use it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lmdecode.config import SAMPLE_TOKEN

NAME = "MICRA_MR000000"


@pytest.fixture
def simulated(command, tmp_path):
    """Starts a simulated machine; its process, and what the other command line needs to use it."""

    @contextlib.contextmanager
    def start(*arguments):
        line = [*command.line, "simulate", "--generation", "bluetooth", "--port", "0", *map(str, arguments)]
        with (
            (tmp_path / "log").open("w+") as log,
            subprocess.Popen(
                line,
                cwd=command.folder,
                env=command.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                encoding="utf-8",
            ) as process,
        ):
            process.log = log.name
            try:
                first = process.stdout.readline()
                assert first.startswith("listening on 127.0.0.1:"), (tmp_path / "log").read_text()
                radio = f"tcp-client:{first.removeprefix('listening on ').strip()}"
                yield process, ["--bluetooth", NAME, "--radio", radio, "--key", SAMPLE_TOKEN]
            finally:
                process.kill()

    return start


def ended(process):
    """Press Ctrl-C; what is said then."""
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    return output


def records(text):
    return [json.loads(line) for line in text.splitlines()]


def test_it_is_read_and_set_and_the_recording_says_the_same(simulated, command):
    snoop = command.folder / "air.btsnoop"
    with simulated("--btsnoop", snoop) as (process, use):
        sent = command("send", "coffee_set_temp", "91.5", "--yes", "--json", *use)
        after = command("status", *use, "--json")
        ended(process)
    assert (sent.returncode, after.returncode) == (0, 0), sent.stderr + after.stderr
    shown = json.loads(after.stdout)
    shown = shown.get("fields", shown)
    assert shown["coffee_set_temp"] == 91.5
    assert shown["model"] == "Linea Micra"
    decoded = records(command("decode", snoop).stdout)
    told = {}
    for each in decoded:
        if each["sender"] == "machine":
            told |= each["fields"]
    assert {name: told[name] for name in shown if name in told} == {
        name: value for name, value in shown.items() if name in told
    }
    assert {"power", "coffee_temp", "steam_set_temp", "machine_ser_num"} <= told.keys()
    assert [each["subject"] for each in decoded].count("0b0b write SettingBoilerTarget") == 1
    assert {each["stream"] for each in decoded} == {0, 1}
    assert SAMPLE_TOKEN not in json.dumps(decoded)


@contextlib.contextmanager
def watching(command, use, *options):
    """Watch until the machine's mode was read; the process."""
    with subprocess.Popen(
        [*command.line, "watch", *use, "--json", *map(str, options)],
        cwd=command.folder,
        env=command.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            assert any('"power":' in line for line in process.stdout)
            yield process
        finally:
            process.kill()


def test_a_shot_is_watched_and_kept(simulated, command):
    kept = command.folder / "kept.jsonl"
    with simulated() as (process, use), watching(command, use, "--jsonl", kept) as watch:
        process.stdin.write("shot 1 1.5\n")
        process.stdin.flush()
        assert any('"flush_stopped_seconds":1.5' in line for line in watch.stdout)
        watch.send_signal(signal.SIGINT)
        _, complaints = watch.communicate(timeout=15)
    assert "Traceback" not in complaints
    found = [each["fields"] for each in records(kept.read_text())]
    assert {"brew_started_key": 5} in found
    assert any(each.get("flow_seconds", 0) > 1 for each in found)


def test_a_simulator_that_is_killed_leaves_a_recording_that_can_be_read(simulated, command):
    snoop = command.folder / "air.btsnoop"
    with simulated("--btsnoop", snoop) as (process, use), watching(command, use) as watch:
        process.kill()  # not even Ctrl-C: whatever was sent is in the file
        process.wait(10)
        watch.send_signal(signal.SIGINT)
        _, complaints = watch.communicate(timeout=15)
    assert "Traceback" not in complaints
    result = command("decode", snoop)
    assert result.returncode == 0
    assert {"power": True} in [each["fields"] for each in records(result.stdout)]


def test_an_app_that_is_killed_leaves_a_machine_for_the_next(simulated, command):
    with simulated() as (process, use):
        with watching(command, use) as watch:
            watch.kill()
        result = command("get", "power", *use)
        ended(process)
        said = Path(process.log).read_text()
    assert (result.returncode, result.stdout) == (0, "on\n"), result.stderr
    assert said.count("a program and its radio are gone") == 2
    assert "Traceback" not in said


def test_pairing_mode_tells_the_token_and_a_fault_is_switched_by_hand(simulated, command):
    with simulated() as (process, use):
        without = use[:4]
        assert "pairing mode" in command.fails("get", "power", *without, code=2)
        process.stdin.write("fault held\n")
        process.stdin.flush()
        time.sleep(0.5)
        complaint = command.fails("get", "power", *use, code=3)
        process.stdin.write("fault off\nquit\n")
        process.stdin.flush()
        process.wait(10)
    assert process.returncode == 0
    assert NAME in complaint


def test_without_bumble_one_line_says_how_to_get_it(command):
    (command.folder / "bumble").mkdir()
    (command.folder / "bumble" / "__init__.py").write_text("raise ImportError\n")
    complaint = command.fails("simulate", "--generation", "bluetooth", PYTHONPATH=str(command.folder))
    assert "needs bumble: " in complaint.splitlines()[-1]
    assert "pip install" in complaint


def test_a_radio_that_is_not_there_is_one_line(command):
    complaint = command.fails("simulate", "--generation", "bluetooth", "--radio", "serial:/dev/there-is-none")
    assert "serial:/dev/there-is-none cannot be used" in complaint.splitlines()[-1]
