"""Recordings that lose their oldest piece, get new ones, or are named again: no row is lost, none is there twice."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lmdecode.app.dataset.store import open_dataset
from lmdecode.app.dataset.unit import State
from tests.app.dataset.exporting import export, rows, unit, write
from tests.capture.building import Talk, packets, pcap, report, seal

PIECES = 6
REPORTS = 4
"""In each piece, of one connection that spans them all."""


def recorded():
    """The packets of a recording, and where each of its pieces begins."""
    made = Talk().open()
    begins = [0]
    for number in range(PIECES * REPORTS):
        made.send("machine", seal(report(number)))
        if number % REPORTS == REPORTS - 1:
            begins.append(len(packets(made.segments)))
    return packets(made.segments), begins


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    """The pieces of a recording."""
    folder = tmp_path_factory.mktemp("ring")
    made, begins = recorded()
    return [
        write(folder / f"x_{number:05}.pcap", pcap(made[begin:end]))
        for number, (begin, end) in enumerate(pairwise(begins))
    ]


def texts(dataset):
    """How often each message is in a dataset; a row about a gap is none."""
    return Counter(row["plaintext"] for row in rows(open_dataset(str(dataset))) if "plaintext" in row)


def said(*paths):
    """Each message of some pieces, once."""
    numbers = [int(path.stem[-5:]) for path in paths]
    return {number * REPORTS + each for number in numbers for each in range(REPORTS)}


def check(dataset, *paths):
    found = texts(dataset)
    assert set(found.values()) == {1}
    assert len(found) == len(said(*paths))


def test_a_ring_that_loses_its_oldest_pieces_keeps_and_repeats_nothing(tmp_path, ring):
    years = tmp_path / "years"
    (first,) = export(years, [unit(*ring[:3])])
    (second,) = export(years, [unit(*ring[1:5])])
    (again,) = export(years, [unit(*ring[1:5])])
    (less,) = export(years, [unit(*ring[2:5])])
    (third,) = export(years, [unit(*ring[3:])])
    assert [each.state for each in (first, second, again, less, third)] == [
        State.ADDED,
        State.ADDED,
        State.PRESENT,
        State.PRESENT,
        State.ADDED,
    ]
    assert [each.rows for each in (first, second, third)] == [3 * REPORTS, 2 * REPORTS, REPORTS]
    check(years, *ring)
    (present,) = export(years, [unit(*ring)])
    assert present.state is State.PRESENT
    # The whole recording, from a backup, stands in the place of all that is there of it.
    backup = [write(tmp_path / path.name, path.read_bytes()) for path in ring]
    (whole,) = export(years, [unit(*backup)])
    assert (whole.state, whole.rows) == (State.REPLACED, PIECES * REPORTS)
    assert len(open_dataset(str(years)).entries()) == 1
    check(years, *ring)


def test_a_piece_that_is_still_growing_goes_on_where_it_was(tmp_path, ring):
    years = tmp_path / "years"
    whole = ring[2].read_bytes()
    made, begins = recorded()
    part = pcap(made[begins[2] : begins[3] - 3])
    assert whole.startswith(part)
    write(ring[2], part)
    try:
        export(years, [unit(*ring[:3])])
        before = len(texts(years))
    finally:
        write(ring[2], whole)
    assert 2 * REPORTS < before < 3 * REPORTS
    (result,) = export(years, [unit(*ring[1:4])])
    assert result.rows == 4 * REPORTS - before
    check(years, *ring[:4])
    export(years, [unit(*ring[2:5])])
    check(years, *ring[:5])
    export(years, [unit(*ring[1:])])
    check(years, *ring)


def test_pieces_that_were_alone_or_are_named_alone_later(tmp_path, ring):
    years = tmp_path / "years"
    alone = write(tmp_path / "found.pcap", ring[1].read_bytes())
    export(years, [unit(alone)])
    export(years, [unit(*ring[:3])])
    check(years, *ring[:3])
    moved = ring[2].rename(tmp_path / "moved.pcap")
    try:
        (result,) = export(years, [unit(moved)])
    finally:
        moved.rename(ring[2])
    assert result.state is State.PRESENT
    check(years, *ring[:3])


runs = st.lists(
    st.sets(st.integers(0, PIECES - 1), min_size=1).map(sorted), min_size=1, max_size=5
)  # also with holes, which late pieces fill


@given(runs)
@example([[0, 1, 3], [0, 2, 3]])  # what is missing before piece 2 holds its rows back until piece 3 is read
@example([[1, 2], [0, 1, 2]])
@settings(max_examples=8)
def test_whatever_is_there_of_a_ring_each_time_nothing_is_lost(tmp_path_factory, ring, made):
    years = tmp_path_factory.mktemp("years")
    for numbers in made:
        (result,) = export(years, [unit(*(ring[number] for number in numbers))])
        assert result.state is not State.FAILED, result.reason
    seen = {number for numbers in made for number in numbers}
    assert len(texts(years)) == len(said(*(ring[number] for number in seen)))
