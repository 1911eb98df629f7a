"""The lowest layer of a terminal: whatever is written, by whichever way, is not obeyed, except what rich writes."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

import pytest
import typer
from rich.console import Console
from rich.text import Text

from lmdecode.cli._common.terminal import GuardedTerminal, guard_terminals
from lmdecode.cli.app import make_app
from lmdecode.render.terminal import TerminalConsole
from tests.cli.conftest import CAPTURES, KEY
from tests.cli.hostile import EVIL, NAME, Files, obeyed


class _Tty(io.BytesIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def written():
    return _Tty()


@pytest.fixture
def guarded(written):
    return GuardedTerminal(io.TextIOWrapper(io.BufferedWriter(written), "utf-8"))


def text_of(written, guarded):
    guarded.flush()
    return written.getvalue().decode()


@pytest.mark.parametrize(
    "way",
    [
        lambda file: file.write(EVIL),
        lambda file: file.writelines([EVIL, "\n"]),
        lambda file: print(EVIL, file=file),
        lambda file: file.buffer.write(EVIL.encode()),
        lambda file: [file.buffer.write(bytes([byte])) for byte in EVIL.encode()],  # characters in pieces
        lambda file: typer.echo(EVIL, file=file),  # noqa: TID251 -- what is tried
        lambda file: TerminalConsole(file).print(Text(EVIL, "bold red")),
        lambda file: TerminalConsole(file).print(EVIL),
    ],
)
def test_every_way_is_guarded(written, guarded, way):
    way(guarded)
    assert "PWNED" in (said := text_of(written, guarded))
    assert obeyed(said, lines=False) is None


def test_the_styles_of_rich_come_through(written, guarded, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    for console in (TerminalConsole(guarded), Console(file=guarded, color_system="standard", force_terminal=True)):
        console.print(Text("warm", "bold red"))
    assert text_of(written, guarded).count("\x1b[1;31mwarm\x1b[0m\n") == 2


def test_even_another_console_sends_no_title(written, guarded):
    Console(file=guarded, force_terminal=True).print("\x1b]0;PWNED\x07\x9b2J")
    assert "\x1b]" not in text_of(written, guarded)


def test_pipes_are_left_alone(monkeypatch):
    plain = io.TextIOWrapper(io.BytesIO(), "utf-8")
    monkeypatch.setattr(sys, "stdout", plain)
    guard_terminals()
    assert sys.stdout is plain


@pytest.mark.parametrize("form", ["table", "csv", "jsonl"])
def test_a_process_of_its_own(command, tmp_path, form):
    """The guard is there where the command begins."""
    files = Files(tmp_path)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*command.line, "decode", files.capture, "--config", files.config, "-f", form],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=command.environment,
    ):
        os.close(theirs)
        said = b""
        while piece := _more(ours):
            said += piece
    os.close(ours)
    assert b"connection" in said
    assert obeyed(said.decode("utf-8", "surrogateescape"), lines=form != "csv") is None


@pytest.mark.parametrize(
    "line",
    [
        *(("decode", "-f", form) for form in ("jsonl", "csv", "csv-safe", "table", "parquet", "pcapng")),
        *(("shots", "-f", form) for form in ("jsonl", "csv", "table")),
        ("unknowns", "-f", "jsonl"),
        ("identify", "--json"),
        ("keys", "check", "--json"),
    ],
    ids=" ".join,
)
def test_names_that_are_no_utf_8_go_into_every_format(monkeypatch, capfd, tmp_path, line):
    """Of several captures, each message has its capture's name."""
    captures = [tmp_path / f"{number}{NAME}.pcap" for number in range(2)]
    for capture in captures:
        capture.write_bytes((CAPTURES / "gs3av-settings.pcap").read_bytes())
    monkeypatch.setenv("LMDECODE_KEY", KEY)
    arguments = [*line, *map(str, captures[: 1 if line[0] == "unknowns" else 2]), "-o", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as ending:
        make_app(arguments)(arguments, prog_name="lmdecode")
    assert ending.value.code == 0, capfd.readouterr().err
    assert (tmp_path / "out").stat().st_size > 100


def _more(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


@pytest.mark.parametrize("name", ["decode", "changes", "shots"])
def test_csv_for_spreadsheets(command, config, name, tmp_path):
    """A format of every command that writes CSV. Where nothing is a formula, both are the same."""
    capture = CAPTURES / "gs3av-settings.pcap"
    plain, safe = (command(name, capture, "--config", config, "-f", form).stdout for form in ("csv", "csv-safe"))
    assert plain == safe
    folder = tmp_path / "x"
    folder.mkdir()
    files = Files(folder)
    hostile = command("decode", files.export, "--config", files.config, "-f", "csv-safe").stdout
    assert "'=HYPERLINK" in hostile
    assert ",=HYPERLINK" not in hostile
