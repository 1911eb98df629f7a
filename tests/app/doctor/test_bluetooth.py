"""The findings of Bluetooth, with adapters that a folder has."""

from __future__ import annotations

import sys

import pytest

from lmdecode.app.doctor import bluetooth as module
from lmdecode.app.doctor.bluetooth import bluetooth
from lmdecode.app.doctor.finding import State, answer


@pytest.fixture
def adapters(tmp_path, monkeypatch):
    """Makes adapters of this computer, each with its blocks by rfkill; none at first. It is one with Linux."""
    monkeypatch.setattr(module, "_ADAPTERS", tmp_path / "bluetooth")
    monkeypatch.setattr(sys, "platform", "linux")

    def make(name, *, soft="0", hard="0"):
        block = tmp_path / "bluetooth" / name / "rfkill3"
        block.mkdir(parents=True)
        (block / "soft").write_text(f"{soft}\n")
        (block / "hard").write_text(f"{hard}\n")

    return make


@pytest.fixture
def listening(monkeypatch):
    """What listening for a moment gives: an exit code, and what was said."""

    def give(code, said=""):
        monkeypatch.setattr(module, "answer", lambda _: (code, said))

    give(0)
    return give


def one():
    (finding,) = bluetooth()
    return finding


def test_without_bleak(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    finding = one()
    assert (finding.state, finding.text) == (State.MISSING, "not looked at: bleak is not installed")
    assert "bluetooth" in finding.command or "bleak" in finding.command


@pytest.mark.usefixtures("adapters", "listening")
def test_without_an_adapter():
    finding = one()
    assert finding.state is State.MISSING
    assert "no adapter" in finding.text
    assert "--radio" in finding.text


@pytest.mark.parametrize(
    ("blocks", "said", "command"),
    [
        ({"soft": "1"}, "airplane mode", "rfkill unblock bluetooth"),
        ({"hard": "1"}, "a switch or a key", ""),
        ({"hard": "1", "soft": "1"}, "a switch or a key", ""),
    ],
)
@pytest.mark.usefixtures("listening")
def test_an_adapter_that_is_off(adapters, blocks, said, command):
    adapters("hci0", **blocks)
    finding = one()
    assert (finding.state, finding.command) == (State.MISSING, command)
    assert said in finding.text


@pytest.mark.usefixtures("listening")
def test_one_of_two_is_on(adapters):
    adapters("hci1", soft="1")
    adapters("hci0")
    adapters("hci0:64")  # a connection
    finding = one()
    assert finding.state is State.OK
    assert finding.text == "this computer's adapter (hci0, hci1) is on, and this user may use it"


def test_what_bleak_complains_of_is_told(adapters, listening):
    adapters("hci0")
    listening(3, "Bluetooth is off: `bluetoothctl power on` switches it on\n")
    assert (one().state, one().text) == (State.MISSING, "Bluetooth is off: `bluetoothctl power on` switches it on")
    listening(1, "Traceback (most recent call last):\nImportError: libfoo is missing\n")
    assert one().state is State.BROKEN
    assert one().text == "bleak cannot listen: ImportError: libfoo is missing"
    listening(-1, "does not end")
    assert one().state is State.BROKEN


def test_other_systems_have_no_such_folder(monkeypatch, listening):
    monkeypatch.setattr(sys, "platform", "darwin")
    listening(0)
    assert one().text == "this computer's adapter is on, and this user may use it"


def test_listening_for_a_moment_says_one_line_at_most():
    """With the real bleak, whatever this computer has."""
    code, said = answer([sys.executable, "-P", "-c", module._LISTEN])
    assert code in {0, 3}, said
    assert len(said.splitlines()) == (1 if code else 0)
    assert "Traceback" not in said
