from __future__ import annotations

import json
from itertools import accumulate

import pytest

from lmdecode.render.report.messages import MessageLog
from tests.analysis.tape import Tape


def log_of(tape: Tape, budget: int = 1_000_000) -> MessageLog:
    log = MessageLog(budget)
    for record in tape.records:
        log.add(record)
    return log


def rows_of(log: MessageLog) -> list[tuple[object, ...]]:
    """Each message as connection, 1 for the app, what, values, plaintext, problems."""
    data = log.as_data()
    return [(*data["heads"][head], *rest) for head, *rest in (data["distinct"][text] for text in data["texts"])]


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
    log = log_of(tape)
    data, rows = log.as_data(), rows_of(log)
    assert data["note"] == ""
    assert list(accumulate(data["times"])) == [record.time_ns // 1_000_000 for record in tape.records]
    assert len(set(data["distinct"])) == len(data["distinct"]) < len(tape.records) / 2
    assert rows[0][:3] == (0, 1, "read configuration")
    assert rows[0][3].startswith("? power, standby_timer")
    assert rows[1][2] == "answer configuration"
    assert "coffee_set_temp 96.2 °C" in rows[1][3]
    assert [row[2] for row in rows[-3:]] == ["write coffee_set_temp", "took coffee_set_temp", "? not decoded"]
    assert [len(row) for row in rows[-3:]] == [5, 5, 6]


def test_too_many_are_thinned_out_but_not_what_was_written_or_damaged():
    tape = Tape()
    for number in range(120):
        tape.read("configuration")
        tape.wait(30)
        tape.write("coffee_set_temp", 93.0 + number % 3)
    tape.hear("machine", b"@nonsense%")
    log = log_of(tape, 60_000)
    rows = rows_of(log)
    assert len(rows) < len(tape.records) / 2
    assert len(json.dumps(log.as_data())) < 90_000
    assert sum(row[2] == "write coffee_set_temp" for row in rows) == 120
    assert sum(row[2].endswith("configuration") for row in rows) == 240
    assert rows[-1][2] == "? not decoded"
    reports = sum(row[2].startswith("report") for row in rows)
    every = 3600 / reports
    assert log.note == (
        f"{len(rows):,} of {len(tape.records):,} messages: every {round(every)}th report is here, and all others. "
        "lmdecode decode shows them all."
    )
    assert reports == pytest.approx(3600 / round(every), abs=1)


def test_what_is_asked_is_thinned_out_too_if_there_is_nothing_else():
    tape = Tape()
    for _ in range(2000):
        tape.read("clock")
    log = log_of(tape, 20_000)
    assert 1000 <= len(rows_of(log)) < 2001
    assert "question and answer" in log.note


def test_a_long_text_is_cut():
    tape = Tape()
    tape.hear("machine", b"x" * 5000 + b"@@")
    assert rows_of(log_of(tape))[0][4].endswith("… (10000 characters)")
