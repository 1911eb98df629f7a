"""A peer that floods, or that talks and never answers: each command ends in time, says why, and writes little."""

from __future__ import annotations

import time

import pytest

from tests.cli.conftest import CAPTURES, KEY
from tests.cli.hostile_machine import WAYS, hostile_machine
from tests.cli.pseudo_terminal import Terminal

COMMANDS = {
    "status": ["status", "--timeout", "0.4"],
    "send": ["send", "dose", "1", "100", "--yes", "--timeout", "0.4"],
    "read": ["send", "read", "0x4000", "4", "--timeout", "0.4"],
    "write": ["send", "write", "0x0010", "01", "--yes", "--timeout", "0.4"],
    "scan": ["scan", "0x4000+4", "--pace", "0", "--timeout", "0.4"],
    "replay": ["replay", CAPTURES / "gs3av-settings.pcap", "--speed", "max", "--timeout", "0.1"],
    "watch": ["watch", "--duration", "2s", "--timeout", "0.4", "--jsonl", "-"],
}
FLOODS = sorted(set(WAYS) - {"escapes", "slow"})


@pytest.fixture
def terminal(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return Terminal(monkeypatch)


@pytest.fixture(scope="module", params=[*FLOODS, "slow"])
def machine(request):
    with hostile_machine(request.param) as port:
        yield request.param, port


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_ends_in_time_and_says_why(terminal, machine, name):
    way, port = machine
    begun = time.monotonic()
    said, code = terminal.run(*COMMANDS[name], "--host", "127.0.0.1", "--port", port, "--key", KEY)
    taken = time.monotonic() - begun
    assert taken < 15, said[-500:]  # at the longest some 5 s, and this computer may be busy
    assert len(said) < 1_000_000
    assert "Traceback" not in said
    if name != "watch":
        assert code in {1, 3} or (way, name) == ("reports", "scan")  # a report is as good as an answer
        assert code == 0 or "lmdecode: " in said.splitlines()[-1]
    elif way != "slow":
        assert "left out" in said


def test_somebody_who_waits_is_told(terminal, monkeypatch):
    monkeypatch.setattr("lmdecode.cli._common.live._PATIENCE", 0.1)
    monkeypatch.setattr("lmdecode.app.live._LEAST_WHOLE", 1.5)
    with hostile_machine("slow") as port:
        said, code = terminal.run("status", "--host", "127.0.0.1", "--port", port, "--key", KEY, "--timeout", "0.3")
    assert code == 1
    assert f"waiting for 127.0.0.1:{port}; Ctrl-C ends it" in said
    assert "has answered no read within 1.5 s" in said


def test_scripts_are_not_told(command):
    """What waits is said on a terminal only."""
    with hostile_machine("slow") as port:
        said = command.fails("status", "--host", "127.0.0.1", "--port", port, "--key", KEY, "--timeout", "0.5")
    assert len(said.splitlines()) == 1


def test_a_flood_is_not_written_to_disk(command, tmp_path):
    with hostile_machine("reports") as port:
        options = ["--host", "127.0.0.1", "--port", port, "--key", KEY]
        result = command("watch", *options, "--jsonl", tmp_path / "x.jsonl", "--duration", "2s")
    assert "left out" in result.stderr
    assert (tmp_path / "x.jsonl").stat().st_size < 1_000_000
