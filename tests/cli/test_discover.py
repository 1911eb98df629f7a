"""`lmdecode discover` as a user runs it."""

from __future__ import annotations

import json
import threading

import pytest
import typer

from lmdecode.cli.discover import discover
from lmdecode.device import discovery
from lmdecode.device.bluetooth.radio import Sighting
from lmdecode.device.errors import RadioError
from tests.cli.simulator_process import own_serial
from tests.device.announcing import LOOPBACK, PATIENCES, announce_raw, announced

LOOK = ["discover", "--no-bluetooth", "--interface", LOOPBACK]


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
            discover(timeout=0.3, interface=[LOOPBACK], bluetooth=False, **options)
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
    (command.folder / "bleak.py").write_text("raise ImportError('not here')")
    both = ("discover", "--timeout", "0.1")
    complaint = command.fails(*both, PYTHONPATH=f"{command.folder}:{command.environment.get('PYTHONPATH', '')}")
    assert "needs zeroconf, which is not installed: " in complaint
    assert "; and over Bluetooth: Bluetooth needs bleak 3 or newer" in complaint
    assert complaint.count("\n") == 1


def test_what_cannot_be_meant(command):
    assert "is not an address" in command.fails("discover", "--interface", "eth0", code=2)
    assert command("discover", "--timeout", "0").returncode == 2


class NoRadio:
    """A computer whose Bluetooth is off."""

    async def find(self, _seconds):
        raise RadioError("Bluetooth is off: switch it on")

    async def close(self):
        pass


class Radio:
    """A radio that hears what is said to be near."""

    def __init__(self, *near):
        self.near = near
        self.closed = False

    async def find(self, _seconds):
        return list(self.near)

    async def close(self):
        self.closed = True


@pytest.fixture
def radio(monkeypatch):
    """Takes the place of this computer's radio."""

    def take(found):
        monkeypatch.setattr("lmdecode.device.bluetooth.bleak_radio.radio_named", lambda _: found)
        monkeypatch.setattr(discovery, "MDNS_SERVICE", "_nobody._tcp.local.")
        return found

    monkeypatch.setenv("COLUMNS", "80")
    return take


def look(**options):
    discover(timeout=0.2, interface=[LOOPBACK], **options)


def test_machines_near_are_shown_with_their_signal(radio, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    near = Sighting("F0:12:34:56:78:9A", "MICRA_MR012345", -61)
    found = radio(Radio(near, Sighting("F0:12:34:56:78:9B", "MINI_SPEAKER", -40)))
    look()
    printed, complaint = capsys.readouterr()
    head, row, *rest = printed.splitlines()
    assert head.split() == ["name", "generation", "address", "signal", "config"]
    assert row.split() == ["MICRA_MR012345", "bluetooth", "F0:12:34:56:78:9A", "-61", "dBm"]
    assert "next: lmdecode config set bluetooth MICRA_MR012345" in rest
    assert (complaint, found.closed) == ("", True)
    assert max(map(len, printed.splitlines())) <= 80
    look(as_json=True)
    (machine,) = json.loads(capsys.readouterr().out)["machines"]
    assert machine == {
        "name": "MICRA_MR012345",
        "generation": "bluetooth",
        "bluetooth": "F0:12:34:56:78:9A",
        "rssi": -61,
        "in_config": False,
    }


def test_a_machine_that_is_far_known_by_uuid_and_hostile_fits_on_the_screen(radio, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"bluetooth": "MR012345", "machine_name": "kitchen", "key": ""}))
    uuid = "12345678-1234-1234-1234-123456789ABC"
    hostile = Sighting("F0:12:34:56:78:9B", "MICRA_MR012346\x1b[2J\u202e" + "x" * 300, None)
    radio(Radio(Sighting(uuid, "MICRA_MR012345", -99), hostile))
    look()
    printed, _ = capsys.readouterr()
    assert not set(printed) & set("\x1b\u202e")
    assert max(map(len, printed.splitlines())) <= 80
    assert "in the config already; next: lmdecode status --bluetooth" in printed
    assert uuid in printed.replace(" ", "").replace("\n", "") or uuid[:20] in printed


def test_bluetooth_that_is_off_is_one_line_unless_it_was_asked_for(radio, capsys):
    radio(NoRadio())
    for options, code, said in (
        ({}, 1, "Bluetooth was not searched: Bluetooth is off: switch it on"),
        ({"bluetooth": True}, 3, "lmdecode: Bluetooth is off: switch it on"),
        ({"radio": "usb:0"}, 3, "lmdecode: Bluetooth is off: switch it on"),
    ):
        with pytest.raises(typer.Exit) as end:
            look(**options)
        assert end.value.exit_code == code
        assert said in capsys.readouterr().err


def test_without_the_network_bluetooth_is_searched_all_the_same(radio, capsys, monkeypatch):
    async def discover_none(*_, **__):
        raise discovery.DiscoveryError("zeroconf is not installed")

    monkeypatch.setattr("lmdecode.app.discovery.discover", discover_none)
    radio(Radio(Sighting("F0:12:34:56:78:9A", "MICRA_MR012345", -61)))
    look()
    printed, complaint = capsys.readouterr()
    assert "MICRA_MR012345" in printed
    assert complaint == "lmdecode: the network was not searched: zeroconf is not installed\n"
    radio(NoRadio())
    with pytest.raises(typer.Exit):
        look()
    both = "zeroconf is not installed; and over Bluetooth: Bluetooth is off: switch it on"
    assert capsys.readouterr().err == f"lmdecode: {both}\n"


def test_nobody_is_near_either(radio, capsys):
    radio(Radio())
    with pytest.raises(typer.Exit):
        look()
    assert "none is near over Bluetooth" in capsys.readouterr().err


def test_bluetooth_takes_no_name_here(command):
    result = command(*LOOK, "--timeout", "0.1", "--bluetooth", "--radio", "tcp-client:127.0.0.1:1")
    assert result.returncode == 3
    assert "nothing listens there" in result.stderr
