from __future__ import annotations

from itertools import accumulate

import pytest

from lmdecode.output.report.messages import MessageLog
from tests.analysis.tape import Tape


def log_of(tape: Tape, limit: int = 100_000) -> MessageLog:
    log = MessageLog(limit)
    for record in tape.records:
        log.add(record)
    return log


@pytest.fixture(scope="module")
def tape():
    tape = Tape()
    for _ in range(20):
        tape.read("configuration")
        tape.wait(30)
    tape.write("coffee_set_temp", 93.0)
    tape.hear("machine", b"@nonsense%")
    return tape


def test_all_messages_each_distinct_one_once(tape):
    data = log_of(tape).as_data()
    assert data["note"] == ""
    times, texts, distinct = data["times"], data["texts"], data["distinct"]
    assert list(accumulate(times)) == [record.time_ns // 1_000_000 for record in tape.records]
    assert len(distinct) < len(tape.records) / 2
    rows = [distinct[text] for text in texts]
    assert rows[0][:3] == (0, 1, "read configuration")
    assert rows[0][3].startswith("? power, standby_timer")
    assert rows[1][2:4] == ("answer configuration", rows[1][3])
    assert "coffee_set_temp 96.2 °C" in rows[1][3]
    assert [row[2] for row in rows[-3:]] == ["write coffee_set_temp", "took coffee_set_temp", "? not decoded"]
    assert rows[-1][5]


def test_too_many_are_thinned_out_but_not_what_was_written_or_damaged(tape):
    log = log_of(tape, 200)
    data = log.as_data()
    rows = [data["distinct"][text] for text in data["texts"]]
    assert len(rows) <= 200
    assert {"write coffee_set_temp", "took coffee_set_temp", "? not decoded"} <= {row[2] for row in rows}
    assert sum(row[2].endswith("configuration") for row in rows) == 40
    assert data["note"] == (
        f"{len(rows)} of {len(tape.records)} messages: every 4th report is here, and all others. "
        "lmdecode decode shows them all."
    )
    few = log_of(tape, 20)
    assert "every 8th question and answer" in few.note or "every 4th question and answer" in few.note


def test_a_long_text_is_cut():
    tape = Tape()
    tape.hear("machine", b"x" * 5000 + b"@@")
    row = log_of(tape).as_data()["distinct"][0]
    assert row[4].endswith("… (10000 characters)")
