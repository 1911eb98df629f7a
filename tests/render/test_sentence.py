from __future__ import annotations

import pytest

from lmdecode.render.sentence import sentences
from tests.codec.v1.samples import frame, with_check
from tests.render.tshark import talk

ASKED, ANSWER = ("app", with_check("R401C0004")), ("machine", b"R401C000403BC04D8B6")
VALUES = "coffee_temp 95.6 °C, steam_temp 124.0 °C"
WRITE = ("app", with_check("W0007000203A7"))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([ASKED], ["app read temperatures"]),
        ([ASKED, ANSWER], [f"machine answer temperatures: {VALUES}"]),
        ([ANSWER], [f"machine report temperatures: {VALUES}"]),
        ([WRITE], ["app write coffee_set_temp: coffee_set_temp 93.5 °C"]),
        ([WRITE, ("machine", with_check("W00070002OK"))], ["machine took coffee_set_temp"]),
        ([("machine", with_check("R70000002ABCD"))], ["machine report 70000002: abcd"]),
        (
            [("machine", with_check("R401B000118"))],
            ["machine report heating_state: heating_state (hot_water_solenoid_on, heating_on)"],
        ),
        (
            [("machine", b"R401C000403BC04D8B7")],
            [
                f"machine report temperatures: {VALUES}",
                "! check byte is B7, should be B6",
                f"! as captured: {frame(b'R401C000403BC04D8B7').decode()}",
            ],
        ),
        (
            [("machine", frame(b"hello"))],
            ["machine: hello", "! too short for a message: 'hello'", f"! as captured: {frame(b'hello').decode()}"],
        ),
    ],
)
def test_what_is_said(said, expected):
    assert list(sentences(talk(*said)[-1])) == expected


def test_a_refusal_has_its_reason():
    (line, *_) = sentences(talk(WRITE, ("machine", with_check("W00070002NO")))[-1])
    assert line.startswith("machine refused coffee_set_temp: W00070002NO")


def test_a_gap():
    (record,) = talk(ANSWER)
    gap = record._replace(kind=None, address=None, length=None, data=None, plaintext=None, fields={}, problems=("why",))
    assert list(sentences(gap)) == ["machine: gap", "! why"]


def test_what_is_long_is_shortened():
    (record,) = talk(("machine", with_check("R70000400" + "AB" * 0x400)))
    (line,) = sentences(record)
    assert line.endswith("abab… (2048 characters)")
    assert len(line) < 200
