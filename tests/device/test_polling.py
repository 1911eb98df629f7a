"""What is read from a machine that is watched, and when."""

from __future__ import annotations

from lmdecode.codec.v1.windows import LARGEST_READ, REPORTS, Window
from lmdecode.device.v1.driver import MemoryDriver, query_of
from lmdecode.device.watch import Polling
from tests.simulator.client import KEY


def polls():
    return MemoryDriver(host="", key=KEY).polls()


def read_for(seconds, polling, *, silent=()):
    """The windows that are read, with their times; reads take no time."""
    now, reads = 0.0, []
    while True:
        query, due = polling.next
        window = Window(query.request.address, query.request.length, query.name)
        now = max(now, due)
        if now > seconds:
            return reads
        reads.append((now, window))
        if (window.name, window.length) in silent:
            polling.silent(query, now)
        else:
            polling.answered(query, now)


def test_gently():
    reads = read_for(600, Polling(5.0, polls()))
    names = [window.name for _, window in reads]
    assert names[:5] == ["status", "configuration", "schedule", "drink counters", "serial number"]
    assert names.count("status") == 121
    assert names.count("configuration") == names.count("schedule") == 11
    assert names.count("serial number") == 2
    assert all(window.length <= LARGEST_READ for _, window in reads)
    assert not {window for _, window in reads} & set(REPORTS)  # the machine says that by itself


def test_a_long_interval_is_one_for_all():
    reads = read_for(1000, Polling(200.0, polls()))
    assert [window.name for _, window in reads].count("configuration") == 6


def test_older_firmware_is_asked_for_what_it_has():
    reads = read_for(20, Polling(5.0, polls()), silent={("status", 0x23)})
    status = [(now, window.length) for now, window in reads if window.name == "status"]
    assert status == [(0, 0x23), (0, 0x20), (5, 0x20), (10, 0x20), (15, 0x20), (20, 0x20)]


def test_what_is_not_answered_is_asked_for_less_and_less():
    reads = read_for(8000, Polling(5.0, polls()), silent={("schedule", 0x1D)})
    times = [now for now, window in reads if window.name == "schedule"]
    assert times == [0, 120, 360, 840, 1800, 3720, 7320]


def test_only_what_is_wanted_is_read():
    wanted = [query_of(Window(0x14, 2, ""), every=0.0), query_of(Window(0x401C, 4, ""), every=0.0)]
    polling = Polling(5.0, wanted)
    for now in (1.0, 2.0):
        polling.answered(polling.next[0], now)
    assert polling.next == (wanted[0], 6.0)
    polling.silent(wanted[0], 6.0)
    assert polling.next == (wanted[1], 7.0)
