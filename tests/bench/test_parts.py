"""What `bench.parts` measures, and how it says it."""

from __future__ import annotations

import pytest

from bench import parts
from bench.figures import Run
from bench.parts import Way, Work
from lmdecode._parts import PARTS


@pytest.fixture
def works(monkeypatch):
    monkeypatch.setattr(parts, "_made", lambda path, make: (path, make))
    return parts._works(20)


def test_each_part_is_measured_alone_and_none_that_is_not_there(works):
    named = [{*way.without.split(",")} - {""} for work in works for way in work.ways]
    assert set().union(*named) <= {*PARTS, "all"}
    alone = [
        next(iter(more))
        for work in works
        for way in work.ways[1:]
        if len(more := {*way.without.split(",")} - {*work.ways[0].without.split(",")}) == 1
    ]
    assert {*alone} - {"all"} == PARTS.keys()


def test_the_rows_of_a_work():
    work = Work("a day", ("lmdecode",), (Way(""), Way("batch", "batch")))
    idle = [[Run(1.0, 2.0, 30), Run(2.0, 2.0, 30), Run(1.0, 2.0, 30)], [Run(3.0, 3.0, 30)] * 3]
    loaded = [[Run(4.0, 4.0, 30)] * 3, [Run(2.0, 4.0, 30)] * 3]
    assert list(parts._rows(work, [idle, loaded])) == [
        "| a day |  | 1.000 | 1 | 1 | 1 | 1 |",
        "|  | `batch` | 3.000 | 3.00 (2.25–3.00) | 1.50 (1.50–1.50) | 0.50 (0.50–0.50) | 1.00 (1.00–1.00) |",
    ]


def test_works_are_chosen_by_a_part_of_their_names():
    assert [parts._is_chosen("a real day", patterns) for patterns in (None, ["day"], ["hay"])] == [True, True, False]
