"""`lmdecode doctor`, as a user meets it: its width, its JSON, its exit codes."""

from __future__ import annotations

import json
import sys

import pytest

from lmdecode.app.doctor.finding import Finding, Group, State
from lmdecode.cli import doctor as command_module
from tests.cli.conftest import Command


@pytest.fixture
def command(tmp_path):
    return Command(tmp_path)


def test_it_fits_the_terminal_and_shows_no_secret(command):
    (command.folder / "config.json").write_text('{"key": "abcdefghijklmnopqrstuvwxyz012345", "password": "hush-hush"}')
    (command.folder / "config.json").chmod(0o600)
    result = command("doctor", LMDECODE_HOST="hush.example")
    assert result.returncode == 0, result.stdout
    lines = result.stdout.splitlines()
    # Commands, addresses and paths can be copied, so they are not broken.
    found = [line for line in lines if not line.startswith(" " * 11) or line.startswith(" " * 29)]
    assert all(len(line) <= 80 for line in found if max(map(len, line[29:].split()), default=0) < 50)
    assert "LMDECODE_HOST" in result.stdout
    assert "hush" not in result.stdout + result.stderr
    assert "abcdefgh" not in result.stdout
    assert lines[-1].endswith("Only some commands need what is missing.")


def test_json_and_exit_code_of_a_broken_config(command):
    (command.folder / "config.json").write_text("{")
    result = command("doctor", "--json")
    assert result.returncode == 1
    told = json.loads(result.stdout)
    assert told["broken"] is True
    assert {each["group"] for each in told["findings"]} >= {"lmdecode", "extras", "your machines", "this computer"}
    (config,) = (each for each in told["findings"] if each["name"] == "config")
    assert config["state"] == "broken"
    assert "config.json" in config["text"]
    names = [each["name"] for each in told["findings"]]
    assert {"Python", "lmdecode", "live", "tshark", "rights to record", "port 8080", "time zone", "terminal"} <= {
        *names
    }


def test_what_is_printed(monkeypatch, capsys):
    odd = Finding("x", State.MISSING, "a\x1b[2J " + "word " * 30 + "https://example.org/" + "a" * 80, "do " + "b" * 100)
    monkeypatch.setattr("lmdecode.app.doctor.examine", lambda _, terminal: [Group("g", [odd, *terminal()])])
    monkeypatch.setenv("COLUMNS", "80")
    command_module.doctor(config=None, as_json=False)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "g"
    assert shown[1].startswith("  missing  x         a")
    assert "\x1b" not in "".join(shown)
    assert "https://example.org/" + "a" * 80 in "".join(line.strip() for line in shown if "example" in line)
    assert "           do " + "b" * 100 in shown
    assert "1 missing, 0 broken" in shown[-1]


def test_an_encoding_that_lacks_characters_is_told(command):
    told = json.loads(command("doctor", "--json", PYTHONIOENCODING="latin-1").stdout)
    (encoding,) = (each for each in told["findings"] if each["name"] == "encoding")
    assert encoding["command"] == "export PYTHONUTF8=1"
    assert sys.executable in str(told)
