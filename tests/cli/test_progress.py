"""The progress bars: what they count, and what they leave on the terminal."""

from __future__ import annotations

import contextlib
import gzip
import io
import sys

import pytest

from lmdecode.cli._common import progress
from lmdecode.cli._common.errors import complain
from tests.cli.pseudo_terminal import Terminal


class _Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def drawn(monkeypatch):
    """What a bar draws while a file is read to some positions; by what was raised, it ends."""
    monkeypatch.setenv("TERM", "xterm-256color")

    def draw(path, positions, error=None):
        screen = _Screen()
        monkeypatch.setattr(sys, "stderr", screen)
        with contextlib.suppress(KeyboardInterrupt), progress.progress_bar(path, onto_terminal=False) as show:
            for position in positions:
                show(position)
            if error:
                raise error
        return screen.getvalue()

    return draw


def test_a_bar_counts_to_the_size_of_the_file(drawn, tmp_path):
    (tmp_path / "a.pcap").write_bytes(bytes(4_000_000))
    assert "/4.0 MB" in drawn(tmp_path / "a.pcap", [1_000_000, 4_000_000])


def test_of_a_compressed_file_nobody_knows_how_much_there_is(drawn, tmp_path):
    with gzip.open(tmp_path / "a.pcap.gz", "wb") as file:
        file.write(bytes(4_000_000))
    assert "4.0/? MB" in drawn(tmp_path / "a.pcap.gz", [1_000_000, 4_000_000])


def test_a_bar_leaves_nothing_behind_when_it_is_interrupted(drawn, tmp_path):
    (tmp_path / "a.pcap").write_bytes(bytes(1000))
    after = drawn(tmp_path / "a.pcap", [500], KeyboardInterrupt()).rpartition("a.pcap")[2]
    assert "\x1b[?25h" in after, "the cursor is shown again"
    assert after.rstrip().endswith("\x1b[2K"), "the line is empty again"


@pytest.mark.parametrize("setting", [{"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_a_complaint_has_no_escape_sequence_where_there_are_no_colours(monkeypatch, capsys, setting):
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    complain("something")
    assert capsys.readouterr().err == "lmdecode: something\n"


def test_a_dumb_terminal_gets_no_escape_sequence(monkeypatch):
    terminal = Terminal(monkeypatch)
    monkeypatch.setenv("TERM", "dumb")
    said, code = terminal.run("explain", "foo")
    assert code
    assert "'foo' is not a message" in said
    assert "\x1b" not in said
