from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from lmdecode.codec.dialect import Place
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.framing import wrap
from lmdecode.codec.v1.key import Key, encrypt
from lmdecode.render.records.table import TableWriter

KEY = Key(b"12345678901234567890123456789012")
START = 1_795_229_755_174_000_000


@pytest.fixture(autouse=True)
def _utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def sealed(body):
    """A plaintext with its check byte."""
    return f"{body}{sum(body.encode()) & 0xFF:02X}"


def rows(*said, width=80):
    """What the table shows of a conversation: (sender, plaintext or raw bytes) in turn, 10 ms apart."""
    conversation = Conversation(FrameDecoder(KEY), Place(app="192.168.1.2:5000", machine="192.168.1.3:1774"))
    file = io.StringIO()
    writer = TableWriter(Console(file=file, width=width))
    for index, (sender, plaintext) in enumerate(said):
        data = plaintext if isinstance(plaintext, bytes) else wrap(encrypt(KEY, plaintext.encode()))
        for record in conversation.receive(START + index * 10_000_000, sender, data):
            writer.write(record)
    for record in conversation.close(START + 1_000_000_000):
        writer.write(record)
    return file.getvalue().splitlines()


def test_a_request_its_answer_and_a_report():
    day, connection, request, answer, report = rows(
        ("app", sealed("R401C0004")), ("machine", "R401C000403BC04D8B6"), ("machine", "R401C000403BC04D8B6"), width=100
    )
    assert day == "2026-11-21, times in UTC"
    assert connection == "connection 0: app 192.168.1.2:5000 ↔ machine 192.168.1.3:1774"
    assert request.split("  ")[0] == "02:55:55.174 app"
    assert "read temperatures" in request
    assert "401C+4: coffee_temp, steam_temp" in request
    assert answer.startswith("02:55:55.184 machine answer temperatures")
    assert "coffee_temp 95.6 °C" in answer
    assert report.startswith("02:55:55.194 machine report temperatures")


def test_no_row_is_wider_than_the_terminal():
    lines = rows(
        ("machine", "R0310001DFF061106110611061106110611061100000000000000000000000000002F"),
        ("machine", "R40000023018C02536E303030303030303030300100000000000000010100005003AA03720002059A"),
        ("machine", b"@" + b"A" * 500),
    )
    assert max(map(len, lines)) <= 80
    assert len(lines) > 10


def test_the_schedule_is_shown_as_times():
    text = "\n".join(rows(("machine", "R0310001DFF061106110611061106110611061100000000000000000000000000002F")))
    assert "mon 06:00–17:00" in text
    assert "mon_on_hour" not in text
    assert "global_auto, mon_auto" in text.replace("\n" + " " * 43, " ")


def test_the_clock_is_shown_whole_but_a_part_of_it_by_itself():
    whole = rows(("machine", "R03000007001A0906020115A6"))[-1]
    assert "clock 2021-01-02T09:26:00" in whole
    assert "minute" not in whole
    part = rows(("machine", sealed("R03000002001A")))[-1]
    assert "second 0  minute 26" in part


def test_writes():
    lines = rows(
        ("app", "W0007000203A7BB"),
        ("machine", "W00070002OK7A"),
        ("app", "W0007000203A7BB"),
        ("machine", sealed("W00070002NO")),
    )
    assert "write coffee_set_temp" in lines[2]
    assert "coffee_set_temp 93.5 °C" in lines[2]
    assert "took coffee_set_temp" in lines[3]
    assert "refused coffee_set_t…" in lines[5]
    assert "W00070002NO" in lines[5]


def test_an_unknown_window_shows_its_bytes():
    line = rows(("machine", sealed("R50000002ABCD")))[-1]
    assert "50000002" in line
    assert "abcd" in line


def test_damage_is_shown_with_all_that_is_known():
    text = "\n".join(rows(("machine", "R401C000403BC04D8B7"), ("machine", b"junk\x00"), ("machine", b"@AAAA%")))
    assert "! check byte is B7, should be" in text
    assert "coffee_temp 95.6 °C" in text
    assert "6a 75 6e 6b 00" in text
    assert "@AAAA%" in text


def test_a_day_and_a_connection_are_headed_once():
    lines = rows(*[("machine", "R401C000403BC04D8B6")] * 5)
    assert sum("connection" in line for line in lines) == 1


def test_an_end_without_an_address_is_named_once():
    file = io.StringIO()
    asked = Record(START, 0, "app", "app", "lion.lamarzocco.io:443", Kind.READ, "request", subject="GET /")
    TableWriter(Console(file=file, width=80)).write(asked._replace(generation="lion"))
    assert "connection 0: app ↔ cloud lion.lamarzocco.io:443" in file.getvalue().splitlines()


def test_an_absurd_time_is_no_traceback():
    file = io.StringIO()
    conversation = Conversation(FrameDecoder(KEY))
    (record,) = conversation.receive(10**30, "app", wrap(encrypt(KEY, b"R40000020D8")))
    TableWriter(Console(file=file, width=80)).write(record)
    assert "status" in file.getvalue()
