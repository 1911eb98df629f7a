"""What the benchmark computes of its runs."""

from __future__ import annotations

import doctest
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import figures
from bench.figures import Raced, Run, Spread, in_rounds, ratios, raw, spread_of, table_of

SECONDS = st.lists(st.floats(0.001, 1000), min_size=1, max_size=9)


def runs(*seconds, megabytes=30.0):
    return [Run(each, each, megabytes) for each in seconds]


def test_the_examples():
    assert doctest.testmod(figures).failed == 0


@given(SECONDS)
def test_the_median_is_within_its_range(seconds):
    spread = spread_of(seconds)
    assert min(seconds) == spread.least <= spread.median <= spread.most == max(seconds)


def test_there_is_no_spread_of_nothing():
    with pytest.raises(ValueError, match="no figures"):
        spread_of([])


@given(SECONDS)
def test_a_command_takes_as_long_as_itself(seconds):
    assert set(ratios(seconds, seconds)) == {1.0}


def test_a_ratio_is_taken_within_its_round():
    """In the slow round both are slow: the ratio of the medians would say 4."""
    assert ratios([4.0, 40.0, 8.0], [2.0, 20.0, 2.0]) == [2.0, 2.0, 4.0]
    assert spread_of(ratios([4.0, 40.0, 8.0], [2.0, 20.0, 2.0])) == Spread(2.0, 2.0, 4.0)


def test_who_ran_less_often_is_compared_with_the_first_rounds():
    assert ratios([30.0], [2.0, 100.0, 100.0]) == ratios([30.0, 1.0], [2.0]) == [15.0]


def test_commands_run_in_turns():
    said = []

    def saying(name):
        def run():
            said.append(name)
            return Run(len(said), 0, 0)

        return run

    taken = in_rounds([(3, saying("a")), (1, saying("b")), (2, saying("c"))])
    assert "".join(said) == "abcaca"
    assert [[run.seconds for run in each] for each in taken] == [[1, 4, 6], [2], [3, 5]]


RESULTS = [
    Raced("hay", "tcpdump", "tcpdump", runs(0.2, 0.4)),
    Raced("hay", "lmdecode", "lmdecode", runs(0.4, 1.0), frames=70),
    Raced("memory", "200", "export 200", runs(1.0, megabytes=100.0), compares="megabytes"),
    Raced("memory", "2,000", "export 2000", runs(9.0, megabytes=105.0), compares="megabytes"),
]


def test_the_table():
    assert table_of(RESULTS).splitlines()[2:] == [
        "| hay | tcpdump | 0.30 (0.20–0.40) | 1 | 30 |",
        "|  | lmdecode (100 frames a second) | 0.70 (0.40–1.00) | 2.25 (2.00–2.50) | 30 |",
        "| memory | 200 | 1.00 | 1 | 100 |",
        "|  | 2,000 | 9.00 | 1.05 of MB | 105 |",
    ]


def test_the_raw_figures_are_those_of_each_round():
    first, *_ = json.loads(json.dumps(raw(RESULTS)))
    assert first["race"] == "hay"
    assert [run["seconds"] for run in first["runs"]] == [0.2, 0.4]
