"""Python looks for garbage seldom while captures are decoded, and as before afterwards."""

from __future__ import annotations

import gc
import threading

import pytest

from lmdecode._collecting import seldom_collected


@pytest.fixture(autouse=True)
def _as_it_was():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize(
    ("before", "meanwhile"), [((700, 10, 5), (100_000, 10, 5)), ((0, 10, 5), (0, 10, 5)), ((200_000, 1, 1),) * 2]
)
def test_thresholds_come_back(before, meanwhile):
    gc.set_threshold(*before)
    with seldom_collected():
        assert gc.get_threshold() == meanwhile
    assert gc.get_threshold() == before


def test_the_last_of_several_threads_restores_what_the_first_one_found():
    gc.set_threshold(600, 10, 5)
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with seldom_collected():
            entered.set()
            leave.wait(10)

    with seldom_collected():
        thread = threading.Thread(target=other)
        thread.start()
        assert entered.wait(10)
    assert gc.get_threshold() == (100_000, 10, 5)
    leave.set()
    thread.join()
    assert gc.get_threshold() == (600, 10, 5)
