"""The worst captures that are known cost no more than a decode may cost.

Here each has a megabyte, and the limit of memory is lower, so that what grows with the input is seen as well;
`python -m fuzz.bombs` tries more of each.
"""

from __future__ import annotations

import sys

import pytest

from fuzz.bombs import BOMBS, Cost, measure

MEGABYTES = 1
MEMORY = 150
"""Megabytes; the interpreter and what it loads have 25, and an item of JSON of 4 MB makes a hundred."""


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not say what a process took")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_stays_within_the_limits(name, tmp_path):
    cost = measure(name, MEGABYTES << 20, tmp_path)
    assert cost.faults(MEMORY) == []
    assert cost.said


def test_what_exceeds_a_limit_is_a_fault():
    cost = Cost("x", 1 << 20, seconds=1, memory=10_000_000, output=1000, code=1, said="lmdecode: no")
    assert cost.faults() == []
    assert cost._replace(seconds=9).faults() == ["x: 9.0 s for 1.0 MB"]
    assert cost._replace(memory=400_000_000).faults() == ["x: 400 MB of memory"]
    assert cost._replace(output=50_000_000).faults() == ["x: 50,000,000 bytes of output for 1,048,576 of input"]
    assert cost._replace(code=-11).faults() == ["x: exit code -11: lmdecode: no"]
    assert cost._replace(said="Traceback (most recent call last)").faults()
