"""What an enemy would have a terminal do, in every kind of file that a command reads, and a machine that says it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from lmdecode.capture.net.packet import Endpoint
from lmdecode.codec.record import Kind
from lmdecode.codec.v1.message import Message, build
from tests.capture.building import MACHINE, Talk, exported, message, packets, pcap, seal
from tests.cli.conftest import KEY
from tests.cli.test_credentials import FORM, LOGIN, TOKENS, entry

EVIL = "\x1b]0;PWNED\x07\x1b[2J\x1b[31;47m\x9b31m\x7f\u202e\u2028\x85\nFORGED\rFORGED"
"""A title, a cleared screen, a colour, the same in C1, DEL, a reversed line, and lines that nobody wrote."""
NAME = f"{EVIL}\udc9b"
"""A file's name, with a byte that is not UTF-8."""
PANEL = b"\x1b[2J\x1b]0;P\x07\x9b31m\n\r"
"""What the front panel shows: 16 bytes."""

_OBEYED = re.compile(
    r"\x1b\]|\x1b\[2J|\x1b\[31;47m|[\x00-\x06\x08\x0b\x0c\x0e-\x1a\x7f-\x9f\u202e\u2028\udc80-\udcff]|\x07"
)
_FORGED = re.compile(r"(?:^|[\n\r])FORGED")


def obeyed(text: str, *, lines: bool = True) -> str | None:
    """What of the enemy's a terminal would obey in a text; None if nothing.

    Args:
        text: What was written to it.
        lines: Whether a line that nobody wrote counts. CSV has the line ends of its cells.
    """
    found = _OBEYED.search(text) or (_FORGED.search(text) if lines else None)
    return None if found is None else ascii(text[max(found.start() - 60, 0) : found.end() + 30])


class Files:
    """A folder of hostile files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.capture = self._file(".pcap", _capture())
        self.export = self._file(".json", exported(_talk(EVIL, f"=HYPERLINK({EVIL})").segments))
        self.log = self._file(".log", _log().encode())
        self.har = self._file(".har", _har().encode())
        self.image = self._file("-image.json", _image().encode())
        self.script = self._file(".txt", f"+0s {EVIL}\n".encode())
        self.junk = self._file(".junk", EVIL.encode() * 100)
        self.config = self.config_for("127.0.0.1", 1)

    def _file(self, ending: str, content: bytes) -> Path:
        path = self.folder / f"{NAME}{ending}"
        path.write_bytes(content)
        path.chmod(0o600)
        return path

    def config_for(self, host: str, port: int) -> Path:
        """A configuration whose only machine has an evil name; and entries that nobody asked for."""
        machine = {"machine_name": EVIL, "serial_number": EVIL, "key": KEY, "host": host, "port": port}
        return self._file("-config.json", json.dumps({"machines": [machine], EVIL: EVIL, "username": EVIL}).encode())


def frames() -> list[bytes]:
    """Frames of a machine that says what it should not."""
    texts = [
        build(Message(Kind.READ, 0x60EF, 16, data=PANEL)).decode(),
        message(f"W03100002{EVIL[:9]}"),
        message(f"R401C0004{EVIL[9:20]}"),
        EVIL[:30],
    ]
    return [seal(text) for text in texts]


def _talk(app: str, machine: str) -> Talk:
    talk = Talk(Endpoint(app, 36364), Endpoint(machine, 1774)).open()
    for address in (0x60EF0010, 0x03100002, 0x401C0004):
        talk.send("app", seal(message(f"R{address:08X}")))
    for frame in frames():
        talk.send("machine", frame)
    return talk.send("machine", b"@" + EVIL.encode() + b"%").send("machine", EVIL.encode()).close()


def _capture() -> bytes:
    return pcap(packets(_talk("192.168.1.150", MACHINE.host).segments))


def _log() -> str:
    said = [
        "Message=401C0004, Data=03BC04D8",
        f"Message=401C0004, Data={EVIL}",
        f"{EVIL}",
        f"Unexpected response: {EVIL}",
    ]
    return "".join(f"2023-11-14 22:13:20.000 DEBUG (MainThread) [lmdirect.connection] {line}\n" for line in said)


def _har() -> str:
    login = dict.fromkeys(LOGIN, EVIL)
    post = {"mimeType": FORM, "params": [{"name": name, "value": value} for name, value in login.items()]}
    made = entry("POST", "/oauth/v2/token", TOKENS, post=post)  # type: ignore[no-untyped-call]
    return json.dumps({"log": {"version": "1.2", "entries": [made]}})


def _image() -> str:
    about = {"model": "GS3 AV", "serial": EVIL, "made": EVIL, "source": EVIL}
    ranges = [{"address": "0x60EF", "data": PANEL.hex()}, {"address": "0x401C", "data": "03bc04d8"}]
    return json.dumps({"format": "lmdecode-memory", "version": 1, **about, "ranges": ranges})
