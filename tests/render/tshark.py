"""For the tests of what Wireshark is to read: the real tshark, and conversations as Records."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from lmdecode.codec.dialect import Place
from lmdecode.codec.record import Record, Sender
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key
from tests.codec.v1.samples import KEY_BYTES, frame

CAPTURES = Path(__file__).parents[2] / "captures"
START = 1_795_229_755_174_158_001
STEP = 10_000_000

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def tshark(path: Path, *arguments: object) -> str:
    """What tshark prints about a file; it must complain about nothing."""
    environment = os.environ | {"TZ": "UTC", "LC_ALL": "C.UTF-8"}
    result = subprocess.run(
        ["tshark", "-r", str(path), *map(str, arguments)],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    complaints = [line for line in result.stderr.splitlines() if not line.startswith("Running as user")]
    assert (complaints, result.returncode) == ([], 0)
    return result.stdout


def columns(path: Path, names: Iterable[str], *arguments: object) -> list[list[str]]:
    """What tshark has under some field names: a list of cells for each packet."""
    wanted = [part for name in names for part in ("-e", name)]
    text = tshark(path, *arguments, "-T", "fields", "-E", "separator=\x1f", "-E", "aggregator=\x1e", *wanted)
    # str.splitlines would split at separators too
    return [line.split("\x1f") for line in text.split("\n")[:-1]]


def talk(
    *said: tuple[Sender, bytes], app: str = "192.168.1.150:36364", machine: str = "192.168.1.215:1774"
) -> list[Record]:
    """The Records of a conversation: (sender, plaintext or raw bytes) in turn, 10 ms apart."""
    conversation = Conversation(FrameDecoder(Key(KEY_BYTES)), Place(app=app, machine=machine))
    records: list[Record] = []
    for index, (sender, what) in enumerate(said):
        data = what if what.startswith(b"@") else frame(what)
        records += conversation.receive(START + index * STEP, sender, data)
    return [*records, *conversation.close(START + len(said) * STEP)]
