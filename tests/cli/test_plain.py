"""Plain command lines of `decode` are understood as Typer understands them, and do the same."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.app.asked import Asked
from lmdecode.cli import decode
from lmdecode.cli._common import plain
from lmdecode.cli.app import make_app
from tests.cli.conftest import Command

KEY = "12345678901234567890123456789012"
SAMPLE = Path(__file__).parents[2] / "captures" / "gs3av-settings.pcap"

PIECES = [
    *(["a.pcap"], ["b c.pcap"], ["*.pcap"], ["x/../y"], ["décode"]),
    *(["--key", KEY], ["-k", "wrong"], ["--config", "c.json"], ["-c", "c.json"], ["--json"], ["--json"]),
    *(["--format", "jsonl"], ["-f", "csv"], ["-f", "table"], ["--output", "out.csv"], ["-o", "out"]),
]
ODD = [
    *(["-f", "JSONL"], ["-f", "json"], ["-f", "pcapng"], ["-f", "xml"], ["--format=csv"], ["-fcsv"], [f"-k{KEY}"]),
    *(["-o", "-"], ["-"], ["--"], ["--join"], ["--utc"], ["--key"], ["--key", "-k"], ["--ke", "x"], ["--output", ""]),
    *([""], ["--help"], ["-x"], ["--jobs", "2"], ["decode"], ["--no-json"]),
]


def as_typer_understands(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What Typer has the command do."""
    done: list[tuple[object, ...]] = []

    def noted(captures: list[Path], asked: Asked, **options: object) -> bool:
        done.append((captures, asked, options))
        return False

    monkeypatch.setattr(decode, "decode_captures", noted)
    with pytest.raises(SystemExit), contextlib.redirect_stderr(None), contextlib.redirect_stdout(None):
        make_app(arguments)(arguments, prog_name="lmdecode")
    return done


@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=5),
    odd=st.lists(st.sampled_from(ODD), max_size=1),
    at=st.integers(0, 5),
)
def test_typer_understands_the_same(pieces, odd, at):
    arguments = ["decode", *(word for piece in [*pieces[:at], *odd, *pieces[at:]] for word in piece)]
    found = plain.understood(arguments)
    if found is None:
        return
    with pytest.MonkeyPatch.context() as monkeypatch:
        done = as_typer_understands(arguments, monkeypatch)
    rest = {"by_time": False, "jobs": None, "memory": None}
    options = {"format": found.format, "as_json": found.as_json, "output": found.output} | rest
    assert done == [([*found.captures], Asked(keys=found.keys, config=found.config), options)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.pcap"],
        ["a.pcap", "b.pcap", "-k", KEY, "-k", KEY],
        ["a.pcap", "--json", "-o", "x.jsonl", "-c", "c", "-f", "csv"],
    ],
)
def test_what_scripts_write_is_plain(arguments):
    assert plain.understood(["decode", *arguments]) is not None


@pytest.mark.parametrize("piece", ODD)
def test_all_else_is_left_to_typer(piece):
    ours = piece == ["decode"]  # the name of a capture like any other
    assert (plain.understood(["decode", "a.pcap", *piece]) is not None) is ours


def test_other_commands_are_left_to_typer():
    assert (
        plain.understood(["help", "decode", "a.pcap"]) is plain.understood([]) is plain.understood(["decode"]) is None
    )


def test_a_file_that_cannot_be_read_is_left_to_typer(tmp_path, monkeypatch):
    path = tmp_path / "a.pcap"
    assert plain.understood(["decode", str(path)]) is not None
    path.touch()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert plain.understood(["decode", str(path)]) is None


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([SAMPLE, "-k", KEY], 0),
        ([SAMPLE, SAMPLE, "-k", KEY, "--format", "table"], 0),
        ([SAMPLE, "-k", "short"], 2),
        ([SAMPLE, "-k", "x" * 32], 1),
        ([SAMPLE], 2),
        ([SAMPLE, "-k", KEY, "--json", "-f", "csv"], 2),
        ([SAMPLE, "nowhere.pcap", "-k", KEY], 1),
        ([SAMPLE, "-k", KEY, "-o", SAMPLE], 1),
        (["\x1b[2J", "-k", KEY], 1),
    ],
)
def test_the_process_ends_as_with_typer(tmp_path, arguments, code):
    command = Command(tmp_path)
    plainly, by_typer = (command("decode", *arguments, LMDECODE_WITHOUT=without) for without in ("", "startup"))
    assert plainly.returncode == by_typer.returncode == code
    assert (plainly.stdout, plainly.stderr) == (by_typer.stdout, by_typer.stderr)
    assert plainly.stdout or plainly.stderr.startswith("lmdecode: ")


def test_typer_is_not_loaded(tmp_path):
    command = Command(tmp_path)
    command.line[1:1] = ["-X", "importtime"]
    result = command("decode", SAMPLE, "-k", KEY, LMDECODE_WITHOUT="")
    loaded = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "lmdecode.cli._common.plain" in loaded
    assert not {"typer", "click", "rich", "subprocess", "lmdecode.cli.app", "lmdecode.cli.decode"} & loaded
