"""What another process writes is taken over while it grows: whole lines, numbered on, nothing lost."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.app.decode import Outcome
from lmdecode.app.parts import GrowingPart, new_mark

MARK = new_mark()


@given(
    st.lists(st.integers(0, 40), max_size=60),
    st.lists(st.integers(0, 1500), max_size=5),
    st.integers(0, 10**6),
)
def test_lines_are_taken_over_as_they_are_written_and_numbered_on(streams, cuts, first):
    text = "".join(f'{{"stream":{MARK + stream},"data":"é{stream}"}}\n' for stream in streams).encode()
    expected = "".join(f'{{"stream":{first + stream},"data":"é{stream}"}}\n' for stream in streams).encode()
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    future = Future()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "part"
        with path.open("wb") as file:
            lines = GrowingPart(path, future, MARK, first).lines()
            taken = b""
            for start, end in pairwise(edges):
                file.write(text[start:end])
                file.flush()
                if b"\n" in text[start:end]:
                    taken += next(lines)
                    assert taken.endswith(b"\n")
                    assert taken.count(b"\n") == text[:end].count(b"\n")
            future.set_result(outcome(path, len(set(streams))))
            taken += b"".join(lines)
    assert taken == expected


def outcome(path, connections):
    found = Outcome(path)
    found.statistics.connections = connections
    return found


@pytest.mark.parametrize("connections", [1, 2, 16, 17, 40])
def test_a_whole_file_with_connections_that_come_late_and_lines_of_any_length(tmp_path, connections):
    """Also of connections that nothing is told of, as the last one is here."""
    first = f'{{"stream":{MARK}}}\n' * 20_000
    later = "".join(f'{{"stream":{MARK + each},"raw":"{"x" * each * 50_000}"}}\n' for each in range(connections))
    path = tmp_path / "part"
    path.write_text(first + later, encoding="ascii")
    future = Future()
    future.set_result(outcome(path, connections + 1))
    assert b"".join(GrowingPart(path, future, MARK, 7).lines()).decode() == "".join(
        line.replace(str(MARK + number), str(7 + number), 1)
        for number, line in [*((0, line) for line in first.splitlines(True)), *enumerate(later.splitlines(True))]
    )


def test_of_a_worker_that_is_killed_whole_lines_are_left_and_an_error(tmp_path):
    future = Future()
    future.set_exception(BrokenProcessPool())
    path = tmp_path / "part"
    path.write_bytes(b"whole\nhal")
    taken = []
    part = GrowingPart(path, future, MARK, 1)
    with pytest.raises(BrokenProcessPool):
        taken.extend(part.lines())
    assert taken == [b"whole\n"]
    with pytest.raises(BrokenProcessPool):
        part.whole()


def test_a_file_that_somebody_removed_is_an_error(tmp_path):
    future = Future()
    future.set_result(Outcome(tmp_path))
    with pytest.raises(FileNotFoundError):
        list(GrowingPart(tmp_path / "part", future, MARK, 1).lines())
