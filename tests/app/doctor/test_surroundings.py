"""The findings of rights, ports, time zone and programs."""

from __future__ import annotations

import os
import shutil
import socket
import time
from pathlib import Path

import pytest

from lmdecode.app.doctor import programs, surroundings
from lmdecode.app.doctor.finding import State, answer
from lmdecode.render.wireshark.lua_dissector import lua_dissector


def test_a_port_in_use_and_how_to_take_another(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        monkeypatch.setattr(surroundings, "PORTS", {number: ("harvest's proxy", "--port")})
        (finding,) = surroundings.ports()
        assert finding.state is State.NOTE
        assert finding.command == f"lmdecode harvest --port {number + 100}"
    assert surroundings.ports()[0].state is State.OK


def test_the_time_zone(monkeypatch):
    monkeypatch.setenv("TZ", "XYZ-3:30")
    time.tzset()
    try:
        assert surroundings.time_zone()[0].text == "XYZ, UTC+03:30, from TZ"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("capabilities", "state"), [("0000000000002000", State.OK), ("0000000000000000", State.MISSING)]
)
def test_rights_on_linux(monkeypatch, capabilities, state):
    monkeypatch.setattr(Path, "read_text", lambda _: f"Name:\tx\nCapEff:\t{capabilities}\n")
    monkeypatch.setattr(os, "getxattr", lambda *_: b"", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    finding = surroundings._on_linux()
    assert finding.state is state
    if state is State.MISSING:
        assert finding.command.endswith("sudo usermod -aG wireshark $USER")
    monkeypatch.setattr(os, "getxattr", lambda *_: b"x", raising=False)
    monkeypatch.setattr(os, "access", lambda *_: True)
    assert surroundings._on_linux().state is State.OK


def test_other_systems(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "chmodbpf" in surroundings._on_macos().command
    monkeypatch.setattr(os, "access", lambda *_: True)
    assert surroundings._on_macos().state is State.OK
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    assert surroundings._on_windows().state is State.MISSING
    (tmp_path / "System32" / "Npcap").mkdir(parents=True)
    assert surroundings._on_windows().state is State.OK


@pytest.mark.parametrize(
    ("tool", "root", "command"),
    [
        ("apt-get", False, "sudo apt-get install tshark"),
        ("apk", True, "apk add tshark"),
        ("none", False, ""),
    ],
)
def test_a_missing_program_and_how_to_get_it(monkeypatch, tool, root, command):
    monkeypatch.setattr(shutil, "which", lambda name: name if name == tool else None)
    monkeypatch.setattr(programs, "is_root", lambda: root)
    first, second, plugin, _ = programs.programs()
    assert (first.state, first.command) == (State.MISSING, command)
    assert second.command == command.replace("tshark", "tcpdump")
    assert plugin.state is State.NOTE


def test_the_plugin_missing_old_and_there(monkeypatch, tmp_path):
    folder = tmp_path / "my plugins"
    said = f"Personal Plugins:  \t/x\nPersonal Lua Plugins:\t{folder}\nTShark 4.0.17, with libpcap version 1.10.3 (x)"
    monkeypatch.setattr(programs, "answer", lambda _: (0, said))
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    tshark, _, libpcap, plugin, _ = programs.programs()
    assert tshark.text == "4.0.17, /bin/tshark"
    assert libpcap.text == "1.10.3, with tcpdump"
    write = f"lmdecode wireshark-plugin --output '{folder}/lamarzocco.lua'"
    assert (plugin.state, plugin.command) == (State.MISSING, f"mkdir -p '{folder}' && {write}")
    folder.mkdir()
    (folder / "lamarzocco.lua").write_text("old")
    assert (programs._plugin().state, programs._plugin().command) == (State.NOTE, write)
    (folder / "lamarzocco.lua").write_text(lua_dissector(), encoding="utf-8")
    assert programs._plugin().state is State.OK


def test_a_program_that_does_not_run():
    assert answer(["/does/not/exist"]) == (-1, "No such file or directory")
