"""`lmdecode discover` as a user runs it."""

from __future__ import annotations

import json
import threading

import pytest
import typer

from lmdecode.cli.discover import discover
from lmdecode.device import discovery
from tests.cli.simulator_process import own_serial
from tests.device.announcing import LOOPBACK, PATIENCES, announce_raw, announced

LOOK = ["discover", "--interface", LOOPBACK]


@pytest.fixture(scope="module")
def machine():
    """The name of a machine that is there."""
    name = own_serial()
    with announced(name, port=17741, properties={"serial": name}):
        yield name


def look_for(command, names, *options):
    """Look until machines of these names are found, and a port; returns the command's result."""
    for seconds in PATIENCES:
        result = command(*LOOK, "--timeout", seconds, *options, COLUMNS="200")  # other machines may have much to say
        if all(text in result.stdout for text in (*names, "17741")):
            break
    assert result.returncode == 0, result.stderr
    return result


def test_a_machine_and_what_to_do_next(command, machine):
    result = look_for(command, [machine])
    row = next(line for line in result.stdout.splitlines() if machine in line)
    assert row.split() == [machine, "?", f"{LOOPBACK}:17741"]
    assert "next: lmdecode config set host " in result.stdout


def test_json(command, machine):
    result = look_for(command, [machine], "--json")
    (found,) = [each for each in json.loads(result.stdout)["machines"] if each["name"] == machine]
    assert found == {
        "name": machine,
        "generation": None,
        "host": f"{machine}.local",
        "addresses": [LOOPBACK],
        "port": 17741,
        "properties": {"serial": machine},
        "in_config": False,
    }


def test_machines_of_the_config_are_told(command, machine):
    (command.folder / "config.json").write_text(
        json.dumps({"host": LOOPBACK, "port": "17741", "machine_name": "kitchen"})
    )
    result = look_for(command, [machine])
    row = next(line for line in result.stdout.splitlines() if machine in line)
    assert "kitchen" in row
    assert "next: lmdecode status" in result.stdout


def test_a_config_that_cannot_be_read_is_no_hindrance(command, machine):
    (command.folder / "config.json").write_text("{")
    result = look_for(command, [machine])
    assert "config.json is not JSON" in result.stderr
    assert machine in result.stdout


def test_nothing_hostile_reaches_the_terminal(command):
    properties = {b"fw\x1b[2J": b"\x1b]0;owned\x07", "long": "x" * 200}
    name = own_serial()
    evil = f"{own_serial()}\x1b[31m\u202e"
    with announced(name, port=17741, properties=properties) as sender:
        stop = threading.Event()

        def shout():
            while not stop.wait(0.2):
                announce_raw(sender, evil)

        thread = threading.Thread(target=shout)
        thread.start()
        try:
            text, lines = (look_for(command, [name, evil[:12]], *form) for form in ([], ["--json"]))
        finally:
            stop.set()
            thread.join()
    row = next(line for line in text.stdout.splitlines() if evil[:12] in line)
    assert "did not tell" in row
    for said in (text.stdout + text.stderr, lines.stdout + lines.stderr):
        assert not set(said) & set("\x1b\x07\u202e")
    names = [each["name"] for each in json.loads(lines.stdout)["machines"]]
    assert evil in names


def test_nobody_is_there(monkeypatch, capsys):
    monkeypatch.setattr(discovery, "MDNS_SERVICE", "_nobody._tcp.local.")  # others may announce machines meanwhile
    for options in ({}, {"as_json": True}):
        with pytest.raises(typer.Exit) as end:
            discover(timeout=0.3, interface=[LOOPBACK], **options)
        assert end.value.exit_code == 1
        printed, complaint = capsys.readouterr()
        assert "no machine announces itself here" in complaint
        assert "lmdecode config set host ADDRESS" in complaint
        assert printed == ('{"machines": []}\n' if options else "")


def test_without_the_library(command):
    (command.folder / "zeroconf.py").write_text("raise ImportError('not here')")
    complaint = command.fails(*LOOK, PYTHONPATH=f"{command.folder}:{command.environment.get('PYTHONPATH', '')}")
    assert "needs zeroconf, which is not installed: " in complaint
    assert "pip install" in complaint
    assert complaint.count("\n") == 1


def test_what_cannot_be_meant(command):
    assert "is not an address" in command.fails("discover", "--interface", "eth0", code=2)
    assert command("discover", "--timeout", "0").returncode == 2
