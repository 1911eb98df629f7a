"""The steps of each request, and the Records of what comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.bluetooth.requester import (
    BOILERS,
    MODE,
    AttError,
    Command,
    GattPause,
    GattRead,
    GattSteps,
    GattSubscribe,
    GattWrite,
    Question,
    Requester,
    fault,
)
from lmdecode.codec.dialect import Place
from lmdecode.codec.record import Record

TOKEN = "0123456789abcdef0123456789abcdef"
OFF = Command("MachineChangeMode", (("mode", "StandBy"),))


class Played:
    """A requester that was given some values to read, one after another; an error is thrown."""

    def __init__(self, request: str, argument: Any, values: Sequence[bytes | AttError]) -> None:
        self.records: list[Record] = []
        self.steps: list[object] = []
        self.now = 0
        requester = Requester(Place(name="MICRA_MR012345"), self.tick, self.records.append)
        steps: GattSteps[Any] = getattr(requester, request)(*argument)
        waiting = list(values)
        try:
            step = next(steps)
            while True:
                self.steps.append(step)
                value = waiting.pop(0) if isinstance(step, GattRead) and waiting else b""
                step = steps.throw(value) if isinstance(value, AttError) else steps.send(value)
        except StopIteration as ended:
            self.result = ended.value

    def tick(self) -> int:
        self.now += 1_000_000
        return self.now


def test_the_token_is_polled_until_it_is_accepted() -> None:
    played = Played("log_in", (TOKEN,), [b"", b"\0", b"\1"])
    assert played.result is True
    assert played.steps[:2] == [GattWrite("0d0b", TOKEN.encode()), GattRead("0d0b")]
    assert played.steps.count(GattPause(0.05)) == 2
    assert TOKEN not in repr(played.records)
    assert TOKEN not in repr(played.steps)


def test_the_token_is_polled_ten_times() -> None:
    played = Played("log_in", (TOKEN,), [])
    assert played.result is False
    assert played.steps.count(GattRead("0d0b")) == 10


def test_the_token_of_pairing_mode_is_told_and_not_shown() -> None:
    played = Played("pairing_token", (), [f"{TOKEN}\0".encode()])
    assert played.result == TOKEN
    assert TOKEN not in repr(played.records)
    assert (
        not Played("pairing_token", (), [b"\xff\xfe"]).result.isprintable()
        or not Played("pairing_token", (), [b"\xff"]).result
    )
    assert Played("pairing_token", (), [AttError(0x02)]).result == ""


def test_a_question_is_a_name_and_a_nul() -> None:
    played = Played("ask", (BOILERS,), [b"", b"boilers\0", b'[{"id":"CoffeeBoiler1","target":94}]\0'])
    assert played.steps[0] == GattWrite("0a0b", b"boilers\0")
    assert played.result.fields == {"coffee_set_temp": 94.0}
    assert played.result.request.subject == "0a0b write boilers"
    assert [each.fields for each in played.records[1:3]] == [{}, {}]
    assert not any(each.problems for each in played.records)


def test_device_information_is_simply_read() -> None:
    played = Played("ask", (Question("2a25"),), [b"MR012345"])
    assert played.steps == [GattRead("2a25")]
    assert played.result.fields == {"machine_ser_num": "MR012345"}
    assert [each.role for each in played.records] == ["request", "response"]


@pytest.mark.parametrize(
    ("values", "ok"),
    [
        ([b'{"status":"success"}'], True),
        ([b"", b'{"status":"success"}'], True),
        ([f"{OFF.text}\0".encode(), b'{"status":"error"}'], False),
        ([], None),
        ([AttError(0x0E)], None),
        ([b'{"status":5}'], None),
    ],
)
def test_a_command_is_written_once_and_its_status_read(values: list[bytes | AttError], ok: bool | None) -> None:  # noqa: FBT001 -- a parameter of the test
    played = Played("send", (OFF,), values)
    assert played.result.ok is ok
    assert [each for each in played.steps if isinstance(each, GattWrite)] == [
        GattWrite("0b0b", b'{"name":"MachineChangeMode","parameter":{"mode":"StandBy"}}\0')
    ]


def test_an_error_to_a_write_is_told() -> None:
    requester = Requester(Place(), lambda: 0)
    steps = requester.send(OFF)
    next(steps)
    with pytest.raises(AttError, match="error 0x80"):
        steps.throw(AttError(0x80))


def test_what_is_notified_first_is_a_replay() -> None:
    records: list[Record] = []
    requester = Requester(Place(), lambda: 0, records.append)
    steps = requester.listen()
    assert next(steps) == GattSubscribe("0e0b")
    requester.notified(b'{"SteamBoilerUpdateTemperature":112}')
    requester.notified(b'{"SteamBoilerUpdateTemperature":115}')
    assert [dict(each.fields) for each in records] == [{}, {}, {"steam_temp": 115.0}]


@given(st.binary(max_size=60))
def test_a_fault_is_told_or_the_answer_has_something(value: bytes) -> None:
    answer = Played("ask", (MODE,), [value] * 10).result
    if fault(MODE, answer) == "":
        assert answer.fields or answer.extra


def test_a_peer_that_says_the_token_back_puts_it_into_no_record() -> None:
    told: list[Record] = []
    requester = Requester(Place(), lambda: 0, told.append)

    def play(steps: GattSteps[Any], value: bytes) -> None:
        with suppress(StopIteration):
            step = next(steps)
            while True:
                step = steps.send(value if isinstance(step, GattRead) else None)

    play(requester.log_in(TOKEN), TOKEN.encode())
    play(requester.ask(MODE), b'"%s"\0' % TOKEN.encode())
    play(requester.ask(Question("2a26")), TOKEN.encode())
    play(requester.send(OFF), b'{"name":"x","message":"%s"}' % TOKEN.encode())
    requester.notified(b'{"%s":1}' % TOKEN.encode())
    assert len(told) > 8
    assert TOKEN not in repr(told)
