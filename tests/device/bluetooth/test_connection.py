"""One Bluetooth connection: it logs in, asks, writes once, listens, and says what is wrong."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.bluetooth.requester import BOILERS, CAPABILITIES, MODE, Command, Question
from lmdecode.codec.record import Record
from lmdecode.device.bluetooth.connection import BluetoothConnection, Known
from lmdecode.device.errors import (
    BadAnswerError,
    BusyError,
    ConnectionLostError,
    FloodError,
    MachineError,
    MissingTokenError,
    NoAnswerError,
    NoConnectionError,
    RefusedError,
    UnconfirmedError,
    UnsupportedError,
    WrongKeyError,
)

from .peripheral import ADDRESS, NAME, NEWEST, TOKEN, Peripheral, connection_to

OFF = Command("MachineChangeMode", (("mode", "StandBy"),))
ON = Command("MachineChangeMode", (("mode", "BrewingMode"),))


def run(
    machine: Peripheral, use: Callable[[BluetoothConnection], Awaitable[Any]], token: str = TOKEN, **options: Any
) -> Any:
    async def used() -> Any:
        connection = connection_to(machine, token, **options)
        try:
            await connection.connect()
            return await use(connection)
        finally:
            await connection.close()

    return asyncio.run(used())


async def nothing(_connection: BluetoothConnection) -> None:
    """Connect alone."""


def test_a_question_gets_its_answer_and_its_records() -> None:
    records: list[Record] = []
    answer = run(Peripheral(), lambda each: each.ask(BOILERS), on_record=records.append)
    assert answer.fields["coffee_set_temp"] == 94.0
    assert answer.fields["steam_temp"] == 45.0
    assert answer.machine == "MR012345"
    assert [each.subject for each in records] == [
        "0d0b write token",
        "0d0b token",
        "0a0b write boilers",
        "0a0b boilers",
    ]
    assert records[-1].request is records[-2]


def test_the_token_is_nowhere() -> None:
    machine = Peripheral()
    machine.pairing = True
    records: list[Record] = []

    async def everything(connection: BluetoothConnection) -> None:
        await connection.ask(MODE)
        assert TOKEN not in repr(connection)

    run(machine, everything, on_record=records.append)
    run(machine, everything, "", on_record=records.append)  # the one from pairing mode
    assert len(records) == 9
    assert TOKEN not in repr(records)


def test_the_token_may_be_accepted_late() -> None:
    machine = Peripheral()
    machine.token_after = 8
    assert run(machine, lambda each: each.ask(MODE)).fields == {"power": False}


def test_a_token_that_is_never_accepted_is_wrong() -> None:
    with pytest.raises(WrongKeyError, match=f"{NAME} refuses the token"):
        run(Peripheral(), nothing, "another")


def test_a_token_that_att_refuses_is_wrong() -> None:
    machine = Peripheral()
    machine.refuse = lambda verb, characteristic: 0x08 if (verb, characteristic) == ("write", "0d0b") else None
    with pytest.raises(WrongKeyError):
        run(machine, nothing)


@pytest.mark.parametrize("characteristics", [NEWEST, tuple(each for each in NEWEST if each != "0c0b")])
def test_without_a_token_it_says_how_to_come_by_it(characteristics: tuple[str, ...]) -> None:
    with pytest.raises(MissingTokenError, match="pairing mode") as told:
        run(Peripheral(characteristics), nothing, "")
    assert told.value.exit_code == 2


def test_nothing_is_written_before_the_token() -> None:
    machine = Peripheral()
    with pytest.raises(WrongKeyError):
        run(machine, nothing, "another")
    assert not machine.written


@pytest.mark.parametrize(
    ("characteristics", "error", "words"),
    [
        (("090b", "050b", "2a25"), UnsupportedError, "--generation v3"),
        (("2a25", "2a19"), NoConnectionError, "not a machine that lmdecode knows"),
    ],
)
def test_other_characteristics(characteristics: tuple[str, ...], error: type[MachineError], words: str) -> None:
    with pytest.raises(error, match=words):
        run(Peripheral(characteristics), nothing)


def test_a_first_attempt_to_connect_may_fail() -> None:
    machine = Peripheral()
    machine.connects_only_after = 1
    assert run(machine, lambda each: each.ask(MODE)).fields == {"power": False}
    assert machine.connections == 2


def test_a_machine_that_never_lets_one_connect_is_busy() -> None:
    machine = Peripheral()
    machine.connect_error = ConnectionLostError("the link to it is lost: failed to connect")
    with pytest.raises(BusyError, match="one Bluetooth connection at a time") as told:
        run(machine, nothing)
    assert told.value.exit_code == 3
    assert machine.connections == 3


def test_a_machine_that_drops_the_link_at_once_is_busy() -> None:
    machine = Peripheral()
    machine.lose_at = lambda _verb, characteristic: characteristic == "0d0b"
    with pytest.raises(BusyError, match="If nothing else is connected, the token is another machine's"):
        run(machine, nothing)
    assert machine.connections == 3


def test_a_link_that_is_lost_before_the_token_is_accepted_is_made_again() -> None:
    machine = Peripheral()
    machine.lose_at = lambda _verb, characteristic: characteristic == "0d0b" and machine.connections == 1
    assert run(machine, lambda each: each.ask(MODE)).fields == {"power": False}
    assert machine.connections == 2


def test_text_is_no_truth() -> None:
    machine = Peripheral()
    machine.values["tankStatus"] = "false"
    assert run(machine, lambda each: each.ask(Question("tankStatus"))).fields == {"water_reservoir_contact": False}


def test_an_answer_that_is_not_there_yet_is_read_again() -> None:
    machine = Peripheral()
    machine.early = 4
    assert run(machine, lambda each: each.ask(MODE)).fields == {"power": False}
    assert len(machine.written) == 1


def test_an_answer_that_never_comes() -> None:
    machine = Peripheral()
    machine.values["machineMode"] = ""
    machine.garble = lambda _value: b""
    with pytest.raises(NoAnswerError, match="machineMode"):
        run(machine, lambda each: each.ask(MODE))


def test_an_answer_that_is_cut_off() -> None:
    machine = Peripheral()
    machine.garble = lambda value: value[:20]
    with pytest.raises(BadAnswerError, match="the answer to boilers is cut off after 20 bytes"):
        run(machine, lambda each: each.ask(BOILERS))


def test_what_follows_the_nul_is_the_rest_of_another_value() -> None:
    machine = Peripheral()
    machine.garble = lambda value: value + b"\0eBoiler1\0"
    assert run(machine, lambda each: each.ask(MODE)).fields == {"power": False}


@given(st.binary(min_size=1, max_size=80))
@settings(max_examples=25, deadline=None)
def test_whatever_comes_it_is_an_answer_or_one_clear_error(value: bytes) -> None:
    machine = Peripheral()
    machine.garble = lambda _value: value

    async def use(connection: BluetoothConnection) -> None:
        for question in (MODE, BOILERS):
            try:
                answer = await connection.ask(question)
            except (NoAnswerError, BadAnswerError) as error:
                said = str(error)
            else:
                json.loads(answer.plaintext or "")
                said = ""
            assert "\n" not in said
            assert connection.lost is None

    run(machine, use)


@given(st.integers(0, 200))
@settings(max_examples=25, deadline=None)
def test_a_cut_answer_is_never_taken_for_a_whole_one(size: int) -> None:
    machine = Peripheral()
    whole = json.dumps(machine.values["boilers"]).encode()
    machine.garble = lambda value: value[:size]
    if size >= len(whole):
        assert run(machine, lambda each: each.ask(BOILERS)).fields["steam_set_temp"] == 126.0
        return
    with pytest.raises((NoAnswerError, BadAnswerError)):
        run(machine, lambda each: each.ask(BOILERS))


def test_a_command_is_written_once_and_confirmed() -> None:
    machine = Peripheral()
    run(machine, lambda each: each.write(ON))
    assert machine.commands == [{"name": "MachineChangeMode", "parameter": {"mode": "BrewingMode"}}]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ([b"", b"", b'{"id":"1","message":"Success","status":"success"}'], None),
        ([b'{"id":"1","message":"Success","status":"success"}\0\0'], None),
        ([f"{ON.text}\0".encode(), b'{"status":"success"}'], None),
        ([b'{"id":"1","message":"not now","status":"error"}'], RefusedError),
        ([b""], UnconfirmedError),
        ([b'{"id":"1"}'], UnconfirmedError),
        ([b'{"id":"1","messa'], UnconfirmedError),
        ([f"{ON.text}\0".encode()], UnconfirmedError),
        ([b"\xff\xfe"], UnconfirmedError),
    ],
)
def test_the_status_of_a_command(status: list[bytes], error: type[MachineError] | None) -> None:
    machine = Peripheral()
    machine.status = status

    async def use(connection: BluetoothConnection) -> None:
        if error is None:
            await connection.write(ON)
        else:
            with pytest.raises(error, match="MachineChangeMode"):
                await connection.write(ON)
        assert connection.lost is None
        await connection.ask(MODE)  # the connection is as good as before

    run(machine, use)
    assert len(machine.commands) == 1


def test_a_command_that_att_refuses_is_not_taken() -> None:
    machine = Peripheral()
    machine.refuse = lambda verb, characteristic: 0x80 if (verb, characteristic) == ("write", "0b0b") else None
    with pytest.raises(RefusedError, match="error 0x80"):
        run(machine, lambda each: each.write(ON))


def test_a_status_that_cannot_be_read_is_no_confirmation() -> None:
    machine = Peripheral()
    machine.refuse = lambda verb, characteristic: 0x02 if (verb, characteristic) == ("read", "0b0b") else None
    with pytest.raises(UnconfirmedError):
        run(machine, lambda each: each.write(ON))
    assert machine.values["machineMode"] == "BrewingMode"


@pytest.mark.parametrize("when", ["lose_at", "lose_after"])
def test_a_link_that_is_lost_in_the_middle_of_a_write(when: str) -> None:
    machine = Peripheral()
    setattr(machine, when, lambda verb, characteristic: (verb, characteristic) == ("write", "0b0b"))

    async def use(connection: BluetoothConnection) -> None:
        with pytest.raises(ConnectionLostError):
            await connection.write(ON)
        assert isinstance(connection.lost, ConnectionLostError)
        with pytest.raises(ConnectionLostError):
            await connection.ask(MODE)

    run(machine, use)
    assert len([each for each in machine.written if each[0] == "0b0b"]) == (when == "lose_after")


def test_a_machine_that_falls_silent_is_given_up_in_time() -> None:
    machine = Peripheral()
    machine.silent_at = lambda verb, characteristic: (verb, characteristic) == ("read", "0a0b")

    async def use(connection: BluetoothConnection) -> None:
        begun = time.monotonic()
        with pytest.raises(ConnectionLostError, match=r"fallen silent: no answer within 0\.2 s"):
            await connection.ask(MODE)
        assert time.monotonic() - begun < 1.5
        assert isinstance(await connection.wait_lost(), ConnectionLostError)

    run(machine, use, timeout=0.2)


def test_a_request_that_is_given_up_ends_the_connection() -> None:
    machine = Peripheral()
    machine.silent_at = lambda verb, characteristic: (verb, characteristic) == ("read", "0a0b")

    async def use(connection: BluetoothConnection) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await connection.ask(MODE)
        assert isinstance(connection.lost, ConnectionLostError)

    run(machine, use)


def test_several_tasks_may_ask_at_once() -> None:
    async def use(connection: BluetoothConnection) -> list[Record]:
        return await asyncio.gather(*(connection.ask(each) for each in (MODE, BOILERS, MODE, CAPABILITIES)))

    mode, boilers, again, capabilities = run(Peripheral(), use)
    assert mode.fields == again.fields == {"power": False}
    assert boilers.fields["coffee_temp"] == 65.0
    assert capabilities.fields["model"] == "Linea Micra"


def test_device_information() -> None:
    async def use(connection: BluetoothConnection) -> Record:
        assert not (await connection.ask(Question("2a28"))).fields  # which this machine does not have
        return await connection.ask(Question("2a25"))

    assert run(Peripheral(), use).fields == {"machine_ser_num": "MR012345"}


def test_what_happens_is_reported_and_the_first_is_a_replay() -> None:
    machine = Peripheral()
    records: list[Record] = []

    async def use(connection: BluetoothConnection) -> None:
        machine.notify({"BrewingUpdateGroup1Time": 1.05, "BrewingUpdateGroup1Ev": True})
        machine.notify(b'{"BrewingUpdateGroup1Time":2.1,"Brewin')
        machine.lose()
        assert isinstance(await connection.wait_lost(), ConnectionLostError)

    run(machine, use, listens=True, on_record=records.append)
    replay, update, cut = [each for each in records if each.kind == "stream"]
    assert replay.extra["replay"] is True
    assert not replay.fields
    assert update.fields["flow_seconds"] == 1.05
    assert "cut off" in cut.problems[0]


def test_a_gateway_without_notifications_is_read_instead() -> None:
    machine = Peripheral(tuple(each for each in NEWEST if each != "0e0b"))
    records: list[Record] = []
    known = Known("")

    async def use(_connection: BluetoothConnection) -> None:
        for _ in range(100):
            await asyncio.sleep(0.01)
            if {"power", "coffee_temp"} <= {name for each in records for name in each.fields}:
                return
        pytest.fail("nothing was read")

    run(machine, use, listens=True, known=known, on_record=records.append)
    assert known.notifies is False


def test_a_peer_that_floods_is_given_up() -> None:
    machine = Peripheral()

    async def use(connection: BluetoothConnection) -> None:
        for _ in range(2000):
            machine.notify({"SteamBoilerUpdateTemperature": 112})
        assert isinstance(await connection.wait_lost(), FloodError)

    records: list[Record] = []
    run(machine, use, listens=True, on_record=records.append)
    assert len(records) < 1000


def test_a_taker_of_records_that_fails_is_not_hidden() -> None:
    machine = Peripheral()

    def take(record: Record) -> None:
        if record.kind == "stream" and record.fields:
            raise OSError("the disk is full")

    async def use(connection: BluetoothConnection) -> None:
        machine.notify({"SteamBoilerUpdateTemperature": 112})
        with pytest.raises(OSError, match="disk"):
            await connection.ask(MODE)

    run(machine, use, listens=True, on_record=take)


def test_what_was_found_first_is_looked_for_again() -> None:
    known = Known("")
    run(Peripheral(), nothing, known=known)
    assert known.wanted == NAME
    known = Known(ADDRESS)
    run(Peripheral(), nothing, known=known)
    assert known.wanted == ADDRESS


def test_close_never_raises() -> None:
    async def use() -> None:
        connection = connection_to(Peripheral())
        await connection.close()
        await connection.close()
        assert isinstance(await connection.wait_lost(), ConnectionLostError)

    asyncio.run(use())


def test_a_question_is_no_command() -> None:
    with pytest.raises(UnsupportedError):
        run(Peripheral(), lambda each: each.write(MODE))
    with pytest.raises(UnsupportedError):
        run(Peripheral(), lambda each: each.ask(OFF))
