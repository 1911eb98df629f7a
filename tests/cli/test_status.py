"""`lmdecode status` as a process against the simulated machine."""

from __future__ import annotations

import json

import pytest

from lmdecode.codec.v1.memory import Answer, Region
from tests.cli.live import running


@pytest.mark.parametrize("model", ["GS3 AV", "GS3 MP", "Linea Mini"])
def test_all_that_the_machine_says(command, model):
    with running(model=model) as machine:
        result = command("status", *machine.options)
        assert result.returncode == 0
        assert "coffee_set_temp" in result.stdout
        assert max(map(len, result.stdout.splitlines())) <= 80
        result = command("status", "--json", *machine.options)
        fields = json.loads(result.stdout)
        assert fields["machine_ser_num"] == machine.value("machine_ser_num")
        assert fields["mon_on_time"] == f"{machine.value('mon_on_hour'):02}:{machine.value('mon_on_min'):02}"
        assert machine.writes == []


def test_what_is_silent_is_said(command):
    with running(speed=10) as machine:
        machine.machine.memory.mark(Region(0x4060, 0x20, Answer.ECHO))
        result = command("status", *machine.options)
        assert result.returncode == 0
        assert result.stderr.startswith("lmdecode: factory: the machine sent R40600020 (factory) back")
        assert "front_panel_display" in result.stdout


def test_nobody_there(command):
    with running("busy") as machine:
        assert "one connection at a time" in command.fails("status", *machine.options, code=3)


def test_no_address(command):
    assert "no address: give --host" in command.fails("status", "--key", "x" * 32, code=2)


def test_the_config_has_it_all(command):
    with running() as machine:
        entries = {"host": "127.0.0.1", "port": str(machine.port), "key": machine.options[-1]}
        (command.folder / "config.json").write_text(json.dumps(entries))
        assert command("status").returncode == 0
