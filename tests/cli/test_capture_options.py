"""The options of all commands over captures, in each of them."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from lmdecode.cli.app import make_app
from tests.cli.conftest import CAPTURES, KEY

AV = str(CAPTURES / "gs3av-settings.pcap")
COMMANDS = {
    "decode": (),
    "report": ("-o", "page.html"),
    "shots": (),
    "identify": (),
    "memory": (),
    "changes": (),
    "diff": (),
    "unknowns": (),
    "keys check": (),
    "replay": ("--dry-run",),
}


@pytest.fixture
def owner(tmp_path, monkeypatch):
    """In a folder with a config, as an owner of one machine has it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LMDECODE_KEY", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    config = {"key": KEY, "machine_name": "kitchen", "serial_number": "SN1", "host": "192.168.1.215", "port": "1800"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "config.json").chmod(0o600)


def run(command, *arguments):
    words = command.split()
    option = ["--capture-machine" if command == "replay" and each == "--machine" else each for each in arguments]
    return CliRunner().invoke(make_app(words), [*words, AV, *COMMANDS[command], *option])


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_machine_by_name_and_the_usual_port_beside_that_of_the_config(command):
    found = run(command, "--machine", "kitchen")
    assert found.exit_code == 0, found.output
    other = run(command, "--machine", "cellar")
    assert other.exit_code == 2
    assert "machine cellar: " in other.stderr
    assert "has kitchen (192.168.1.215)" in other.stderr


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize("command", COMMANDS)
def test_times_conditions_and_pieces(command):
    assert run(command, "--from", "+1s", "--to", "+6s", "--where", "stream=0", "--join", "--utc").exit_code == 0
    assert "a time is written" in run(command, "--from", "noon").stderr
    assert run(command, "--where", "no_such=0").exit_code == 2
