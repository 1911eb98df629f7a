"""What of a flood is written, whatever comes and however fast."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lmdecode.allowance import Allowance
from lmdecode.app.watch import Flood
from lmdecode.codec.record import Kind, Record

REPORT = Record(0, 0, "machine", "a", "b", Kind.READ, "report")
ANSWER = REPORT._replace(role="response")
COMES = st.lists(
    st.tuples(st.sampled_from(["report", "junk", "answer"]), st.integers(0, 70_000), st.floats(0, 30)), max_size=60
)


def flooded(comes):
    now = [0.0]
    told = []
    flood = Flood(told.append, clock=lambda: now[0])
    passed = []
    for what, size, pause in comes:
        now[0] += pause
        record = {"report": REPORT, "answer": ANSWER}.get(what) or REPORT._replace(
            kind=None, role=None, raw=b"x" * size
        )
        if flood.passes(record):
            passed.append(record)
    flood.finish()
    return passed, told, now[0]


@given(COMES)
def test_junk_is_bounded_and_nothing_is_left_out_in_silence(comes):
    passed, told, seconds = flooded(comes)
    assert sum(len(record.raw or b"") for record in passed) <= (1 << 16) + 256 * seconds
    assert sum(record is ANSWER for record in passed) == sum(what == "answer" for what, _, _ in comes)
    left = sum(int(line.split()[2].replace(",", "")) for line in told)
    assert left + len(passed) == len(comes)
    assert len(told) <= seconds + 1


def test_what_a_machine_says_passes():
    passed, told, _ = flooded([("report", 0, 1.0)] * 5000 + [("junk", 40, 1.0)] * 100)
    assert len(passed) == 5100
    assert not told


def test_reports_at_an_absurd_rate():
    passed, told, _ = flooded([("report", 0, 0.0001)] * 20_000)
    assert len(passed) <= 1000 + 20 * 2 + 1
    assert all(line.startswith("left out ") for line in told)
    assert 1 <= len(told) <= 3


@given(st.lists(st.tuples(st.floats(0, 200), st.floats(0, 10))))
def test_an_allowance_is_never_exceeded(comes):
    now = [0.0]
    allowance = Allowance(100, 10, clock=lambda: now[0])
    taken = 0.0
    for amount, pause in comes:
        now[0] += pause
        if allowance.takes(amount):
            taken += amount
        assert taken <= 100 + 10 * now[0] + 1e-6
