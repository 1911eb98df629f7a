"""What this computer lets lmdecode do: record packets, listen on ports; and its time zone."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

from lmdecode.app.doctor.finding import Finding, State, is_root

PORTS: Final = {8080: ("harvest's proxy", "--port"), 8081: ("harvest's page for the phone", "--page-port")}
"""The ports on which a command listens unless told otherwise: what for, and the option that changes it."""
_NET_RAW: Final = 13  # the capability to read packets, of Linux' capabilities(7)
_GROUP: Final = "wireshark"


def capturing() -> list[Finding]:
    """Returns whether this user may record packets."""
    if sys.platform == "win32":
        return [_on_windows()]
    if sys.platform == "darwin":
        return [_on_macos()]
    return [_on_linux()]


def ports() -> list[Finding]:
    """Returns whether the ports are free on which `harvest` listens."""
    return [_port(number, *about) for number, about in PORTS.items()]


def time_zone() -> list[Finding]:
    """Returns the zone in which times are shown."""
    now = datetime.now().astimezone()
    source = "from TZ" if os.environ.get("TZ") else "of this computer"
    return [Finding("time zone", State.OK, f"{now:%Z}, UTC{now.isoformat()[-6:]}, {source}")]


def _on_linux() -> Finding:
    status = Path("/proc/self/status")
    with contextlib.suppress(OSError, ValueError):
        effective = next(line for line in status.read_text().splitlines() if line.startswith("CapEff:"))
        if int(effective.split()[1], 16) >> _NET_RAW & 1:
            who = "as root" if is_root() else "by a capability of this process"
            return Finding("rights to record", State.OK, f"this user may record, {who}")
    for name in ("dumpcap", "tcpdump"):
        path = shutil.which(name)
        with contextlib.suppress(OSError):
            if path and os.access(path, os.X_OK) and os.getxattr(path, "security.capability"):
                return Finding("rights to record", State.OK, f"{path} may record, and this user may run it")
    command = ""
    if Path("/etc/debian_version").is_file():
        command = "sudo dpkg-reconfigure wireshark-common && "
    command += f"sudo usermod -aG {_GROUP} $USER"
    text = "this user may not record: log in again after this command, or record with sudo tcpdump"
    if not shutil.which("dumpcap"):
        return Finding("rights to record", State.MISSING, "this user may not record: record with sudo tcpdump")
    return Finding("rights to record", State.MISSING, text, command)


def _on_macos() -> Finding:
    if os.access("/dev/bpf0", os.R_OK | os.W_OK):
        return Finding("rights to record", State.OK, "this user may record (/dev/bpf0)")
    text = "this user may not record: install ChmodBPF, which comes with Wireshark, or record with sudo tcpdump"
    return Finding("rights to record", State.MISSING, text, "brew install --cask wireshark-chmodbpf")


def _on_windows() -> Finding:
    if Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "Npcap").is_dir():
        return Finding("rights to record", State.OK, "Npcap is installed")
    return Finding("rights to record", State.MISSING, "Npcap is not installed: Wireshark's installer brings it")


def _port(number: int, purpose: str, option: str) -> Finding:
    name = f"port {number}"
    with socket.socket() as listener:
        if sys.platform != "win32":  # there this option would take the port from whoever has it
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("", number))
            listener.listen()
        except OSError as error:
            text = f"not free for {purpose} ({error.strerror}): another port will do"
            return Finding(name, State.NOTE, text, f"lmdecode harvest {option} {number + 100}")
    return Finding(name, State.OK, f"free for {purpose}")
