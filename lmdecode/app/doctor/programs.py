"""Other people's programs that go well with lmdecode, and what of ours belongs in them."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lmdecode.app.doctor.finding import Finding, State, answer, home, is_root

PLUGIN: Final = "lamarzocco.lua"
"""The file name of the Wireshark plugin."""

_INSTALLERS: Final = {  # which command installs, and what the packages with tshark and with tcpdump are called
    "apt-get": ("sudo apt-get install", "tshark", "tcpdump"),
    "dnf": ("sudo dnf install", "wireshark-cli", "tcpdump"),
    "pacman": ("sudo pacman -S", "wireshark-cli", "tcpdump"),
    "apk": ("sudo apk add", "tshark", "tcpdump"),
    "zypper": ("sudo zypper install", "wireshark", "tcpdump"),
    "brew": ("brew install", "wireshark", "tcpdump"),
    "winget": ("winget install", "WiresharkFoundation.Wireshark", "WiresharkFoundation.Wireshark"),
}
_PERSONAL: Final = "Personal Lua Plugins:"  # before a folder, in a line of what `tshark -G folders` says
_VERSION: Final = re.compile(r"\b\d+\.\d+(?:\.\d+)?")


def programs() -> list[Finding]:
    """Returns the findings of Wireshark's programs, tcpdump, libpcap and mitmproxy's certificate."""
    return [*_recorders(), _plugin(), _certificate()]


def _recorders() -> Iterator[Finding]:
    tshark, _ = _program("tshark", "records, and shows captures in Wireshark's terms", 1)
    tcpdump, said = _program("tcpdump", "records", 2)
    yield tshark
    yield tcpdump
    libpcap = re.search(r"libpcap version (\S+)", said)
    if libpcap:
        yield Finding("libpcap", State.OK, f"{libpcap[1]}, with tcpdump")


def _program(name: str, purpose: str, package: int) -> tuple[Finding, str]:
    path = shutil.which(name)
    if path is None:
        installer = next((words for tool, words in _INSTALLERS.items() if shutil.which(tool)), None)
        command = f"{installer[0]} {installer[package]}" if installer else ""
        command = command.removeprefix("sudo ") if is_root() else command
        return Finding(name, State.MISSING, f"it {purpose}", command), ""
    code, said = answer([path, "--version"])
    found = _VERSION.search(said)
    if code or not found:
        return Finding(name, State.BROKEN, f"{path} does not print its version: {said.strip()[-100:]}"), said
    return Finding(name, State.OK, f"{found[0]}, {path}"), said


def _plugin() -> Finding:
    """Returns whether Wireshark has our plugin, and the one of this version."""
    from lmdecode.render.wireshark.lua_dissector import lua_dissector

    name = "Wireshark plugin"
    tshark = shutil.which("tshark")
    said = answer([tshark, "-G", "folders"])[1] if tshark else ""
    lines = [line.removeprefix(_PERSONAL).strip() for line in said.splitlines() if line.startswith(_PERSONAL)]
    told = next(filter(None, lines), "")
    if not told and not shutil.which("wireshark"):
        return Finding(name, State.NOTE, "no Wireshark was found")
    usual = r"AppData\Roaming\Wireshark\plugins" if sys.platform == "win32" else ".local/lib/wireshark/plugins"
    folder = Path(told) if told else home() / usual
    path = folder / PLUGIN
    write = f"lmdecode wireshark-plugin --output {shlex.quote(str(path))}"
    if not path.is_file():
        make = "" if folder.is_dir() else f"mkdir -p {shlex.quote(str(folder))} && "
        return Finding(name, State.MISSING, f"every register as a field to filter on, in {folder}", make + write)
    try:
        current = path.read_text(encoding="utf-8") == lua_dissector()
    except (OSError, UnicodeDecodeError):
        current = False
    if not current:
        return Finding(name, State.NOTE, f"{path} is from another version", write)
    return Finding(name, State.OK, str(path))


def _certificate() -> Finding:
    path = home() / ".mitmproxy" / "mitmproxy-ca-cert.pem"
    if path.is_file():
        return Finding("mitmproxy's CA", State.OK, f"{path}: the certificate that the phone has to trust")
    return Finding("mitmproxy's CA", State.NOTE, "none yet; lmdecode harvest makes one when you first run it")
