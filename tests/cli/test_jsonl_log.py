"""The file that `watch --jsonl` adds to: whole lines, whatever it ended in."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from lmdecode.app.errors import CommandError
from lmdecode.app.watch import JsonlLog
from lmdecode.codec.record import Kind, Record
from lmdecode.render.records.jsonl import json_bytes

RECORD = Record(1, 0, "machine", "m", "a", Kind.READ, "report", 0x401C, 4, "03bc04d8", fields={"coffee_temp": 95.6})
LINE = json_bytes(RECORD)


def add(path, count=1):
    with JsonlLog(path) as log:
        for _ in range(count):
            log.write(RECORD)
        return log.cut


def test_a_new_file_and_then_more(tmp_path):
    path = tmp_path / "log.jsonl"
    assert add(path, 2) == 0
    assert add(path) == 0
    assert path.read_bytes() == 3 * LINE
    assert json.loads(LINE)["fields"] == {"coffee_temp": 95.6}


@pytest.mark.parametrize("length", range(1, len(LINE)))
def test_half_a_line_at_the_end(tmp_path, length):
    path = tmp_path / "log.jsonl"
    for before in (b"", LINE):
        path.write_bytes(before + LINE[:length])
        whole = length == len(LINE) - 1  # only the newline is missing
        assert add(path) == (0 if whole else length)
        assert path.read_bytes() == before + (2 * LINE if whole else LINE)


@pytest.mark.parametrize(
    "content",
    [
        b"\xd4\xc3\xb2\xa1" * 9,
        b"# Notes\nof mine",
        b"[1]\n",
        b"\n",
        b'{"a": 1\n}\n',
        b'{"host": "a", "key": "b"}\n',
        b"{" * 9,
    ],
)
def test_another_kind_of_file_is_left_alone(tmp_path, content):
    path = tmp_path / "notes"
    path.write_bytes(content)
    with pytest.raises(CommandError, match="something other than messages"):
        JsonlLog(path)
    assert path.read_bytes() == content


def test_an_empty_file(tmp_path):
    path = tmp_path / "log.jsonl"
    path.touch()
    add(path)
    assert path.read_bytes() == LINE


def test_where_nothing_can_be_written(tmp_path):
    for path in (tmp_path, tmp_path / "none" / "log", Path("a\0b")):
        with pytest.raises(CommandError, match="cannot be written"):
            JsonlLog(path)


def test_a_pipe_and_the_null_device(tmp_path):
    add(Path(os.devnull))
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        add(path)
        assert os.read(reader, 1000) == LINE
    finally:
        os.close(reader)


def test_a_full_disk_leaves_whole_lines(tmp_path):
    path = tmp_path / "log.jsonl"
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from tests.cli.test_jsonl_log import RECORD, LINE, JsonlLog\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2 * len(LINE) + 20,) * 2)\n"
        "log = JsonlLog(Path(sys.argv[1]))\n"
        "for _ in range(3): log.write(RECORD)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "cannot be written: File too large" in result.stderr
    assert path.read_bytes() == 2 * LINE
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != len(LINE)
