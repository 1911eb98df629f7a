"""The table and the sentences of messages that have a subject instead of an address."""

import io

import pytest
from rich.console import Console

from lmdecode.analysis.filters import parse
from lmdecode.codec.record import Kind, Record
from lmdecode.render.records.table import TableWriter
from lmdecode.render.sentence import json_text, sentences, short_subject

PUSH = Record(
    1_795_229_755_174_158_000,
    0,
    "machine",
    "lion.lamarzocco.io:443",
    "192.168.1.5:5000",
    Kind.STREAM,
    "report",
    plaintext="{}",
    fields={"coffee_set_temp": 94.0, "power": True},
    machine="MR012345",
    generation="lion",
    subject="MESSAGE /ws/sn/MR012345/dashboard",
    extra={"CMCupWarmer": {"enabled": True, "level": [1, 2]}},
)


def table(*records, width=80):
    file = io.StringIO()
    writer = TableWriter(Console(file=file, width=width))
    for record in records:
        writer.write(record)
    return file.getvalue()


def test_a_row_has_the_end_of_the_subject_and_what_no_table_explains_whole():
    text = table(PUSH)
    assert "cloud lion.lamarzocco.io:443 MR012345" in text
    row = text.splitlines()[2]
    assert row.split()[1:4] == ["machine", "MESSAGE", "…/dashboard"]
    assert "coffee_set_temp 94.0 °C" in row
    assert '{"enabled":true,"level":[1,2]}' in text


def test_a_long_unknown_value_is_shown_whole():
    value = {f"name{number}": number for number in range(100)}
    text = "".join(line.strip() for line in table(PUSH._replace(extra={"GNew": value})).splitlines())
    assert json_text(value).replace(" ", "") in text.replace(" ", "")


def test_a_message_without_names_shows_its_text():
    row = table(PUSH._replace(fields={}, extra={}, subject="CONNECT", plaintext="host:lion"))
    assert "CONNECT" in row
    assert "host:lion" in row


def test_the_sentence_has_subject_fields_and_the_rest():
    (line,) = sentences(PUSH)
    assert line == (
        "machine MESSAGE /ws/sn/MR012345/dashboard: coffee_set_temp 94.0 °C, power yes, "
        'CMCupWarmer {"enabled":true,"level":[1,2]}'
    )


@pytest.mark.parametrize("room", range(4, 60))
@pytest.mark.parametrize(
    "subject", ["MESSAGE /ws/sn/MR012345/dashboard", "200 GET /a/b?c=d", "0a0b write machineMode", "x" * 50, ""]
)
def test_a_short_subject_fits(subject, room):
    short = short_subject(subject, room)
    assert len(short) <= room
    assert short == subject or "…" in short


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        ("name=coffee_set_temp", True),
        ("name=coffee_temp", False),
        ("name!=coffee_temp", True),
        ("extra=CM*", True),
        ("extra=GDoses", False),
        ("extra!=GDoses", True),
        ("generation=lion", True),
        ("generation=v1", False),
        ("subject=MESSAGE*", True),
        ("subject=GET*", False),
        ("power=yes", True),
        ("machine=MR012345", True),
        ("coffee_set_temp>93.5", True),
    ],
)
def test_conditions(condition, fits):
    assert parse(condition)(PUSH) is fits
