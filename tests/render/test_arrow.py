"""While a table is made, Python looks for cycles seldom; after that as before."""

from __future__ import annotations

import gc

import pytest

import lmdecode
from lmdecode.render.arrow import to_arrow


@pytest.fixture
def thresholds():
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


def seen_in(records, seen):
    for record in records:
        seen.append(gc.get_threshold())
        yield record


@pytest.mark.usefixtures("thresholds")
def test_cycles_are_looked_for_seldom_and_then_as_before():
    records = list(lmdecode.decode("captures/gs3av-settings.pcap", config="captures/config.json"))
    outer, inner = [], []

    def nested():
        to_arrow(seen_in(records, inner))
        yield from seen_in(records, outer)

    assert to_arrow(nested()).num_rows == len(records)
    assert set(inner) == set(outer) == {(100_000, 10, 10)}
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.usefixtures("thresholds")
def test_it_is_put_back_after_an_error():
    def failing():
        yield from ()
        raise LookupError("the capture is gone")

    with pytest.raises(LookupError):
        to_arrow(failing())
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.usefixtures("thresholds")
@pytest.mark.parametrize("wish", [0, 200_000])
def test_what_somebody_wished_stays(wish):
    gc.set_threshold(wish, 10, 10)
    seen = []
    to_arrow(seen_in(lmdecode.decode("captures/gs3av-settings.pcap", config="captures/config.json"), seen))
    assert {each[0] for each in seen} == {wish}
