"""A machine over Bluetooth, as the client core reads and changes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lmdecode.codec.errors import RegisterError
from lmdecode.device.bluetooth.driver import BluetoothDriver
from lmdecode.device.changing import Outcome, Preview, State, making, previewing
from lmdecode.device.errors import (
    ConnectionLostError,
    ModelUnknownError,
    NotToldError,
    UnreadableError,
    UnsupportedError,
    WrongKeyError,
)
from lmdecode.device.session import Session, take_snapshot

from .peripheral import NEWEST, TOKEN, Peripheral, near


def driver_of(machine: Peripheral, **options: Any) -> BluetoothDriver:
    radio = near(machine)
    return BluetoothDriver(token=options.pop("token", TOKEN), opened=lambda: radio, **options)


def used(driver: BluetoothDriver, use: Callable[[Session[Any]], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with Session(driver.connection, pause=0.01) as session:
            return await use(session)

    return asyncio.run(run())


def send(machine: Peripheral, name: str, *words: str, **options: Any) -> Outcome:
    """Make changes as `lmdecode send` does, with quick looks."""
    model = options.pop("model", None)
    driver = driver_of(machine, model=model)

    async def use(session: Session[Any]) -> Outcome:
        preview: Preview[Any, Any] = await session.run(previewing(driver.plan(name, words, options)))
        return await session.run(making(preview, looks=(0.0, 0.01)))

    outcome = used(driver, use)
    assert isinstance(outcome, Outcome)
    return outcome


def test_a_snapshot_has_all_that_it_tells() -> None:
    driver = driver_of(Peripheral())
    snapshot = used(driver, lambda session: take_snapshot(session, driver.snapshot()))
    assert snapshot.fields == {
        "power": False,
        "coffee_temp": 65.0,
        "coffee_set_temp": 94.0,
        "coffee_boiler_enable": True,
        "steam_temp": 45.0,
        "steam_set_temp": 126.0,
        "steam_boiler_enable": True,
        "water_reservoir_contact": True,
        "plumbed_in": False,
        "smart_standby_enable": True,
        "smart_standby_minutes": 42,
        "smart_standby_after": "PowerOn",
        "model": "Linea Micra",
        "groups_count": 1,
        "coffee_boilers_count": 1,
        "steam_boilers_count": 1,
        "has_cup_warmer": False,
        "schedule_type": "smartWakeUpSleep",
        "machine_ser_num": "MR012345",
    }
    assert not snapshot.silent
    assert snapshot.fields.keys() <= driver.readable.keys()


def test_the_token_shows_nowhere() -> None:
    driver = driver_of(Peripheral())
    assert TOKEN not in repr(driver)
    assert TOKEN not in str(driver)
    with pytest.raises(WrongKeyError) as told:
        used(driver_of(Peripheral(), token="f" * 32), lambda session: take_snapshot(session, driver.snapshot()))
    assert "ffff" not in str(told.value)


def test_values_by_their_names() -> None:
    driver = driver_of(Peripheral())
    found = driver.queries_of(["coffee_temp", "power", "steam_temp"])
    assert [(query.name, names) for query, names in found] == [
        ("boilers", ["coffee_temp", "steam_temp"]),
        ("mode", ["power"]),
    ]
    with pytest.raises(UnsupportedError, match="only when it happens"):
        driver.queries_of(["flow_seconds"])
    with pytest.raises(UnsupportedError, match="a machine does not tell wifi_ssid over Bluetooth; it tells power, "):
        driver.queries_of(["wifi_ssid"])
    assert [query.name for query in driver.polls(["coffee_temp", "flow_seconds"])] == ["boilers"]
    names = [query.name for query in driver.polls()]
    assert names[0] == "mode"
    # What the tank says means nothing on a machine that is plumbed in, so that is asked first.
    assert names.index("plumbing") < names.index("tank")


@pytest.mark.parametrize(
    ("words", "command", "values"),
    [
        (("power", "on"), ("MachineChangeMode", {"mode": "BrewingMode"}), {"power": True}),
        (
            ("coffee-temp", "93.5"),
            ("SettingBoilerTarget", {"identifier": "CoffeeBoiler1", "value": 93.5}),
            {"coffee_set_temp": 93.5},
        ),
        (
            ("coffee_set_temp", "200F"),
            ("SettingBoilerTarget", {"identifier": "CoffeeBoiler1", "value": 93.3}),
            {"coffee_set_temp": 93.3},
        ),
        (
            ("steam-level", "2"),
            ("SettingBoilerTarget", {"identifier": "SteamBoiler", "value": 128}),
            {"steam_set_temp": 128.0},
        ),
        (
            ("steam-temp", "131"),
            ("SettingBoilerTarget", {"identifier": "SteamBoiler", "value": 131}),
            {"steam_set_temp": 131.0},
        ),
        (
            ("steam-boiler", "off"),
            ("SettingBoilerEnable", {"identifier": "SteamBoiler", "state": False}),
            {"steam_boiler_enable": False},
        ),
        (
            ("standby", "30"),
            ("SettingSmartStandby", {"minutes": 30, "mode": "PowerOn", "enabled": True}),
            {"smart_standby_minutes": 30, "smart_standby_enable": True},
        ),
        (
            ("standby", "off"),
            ("SettingSmartStandby", {"minutes": 42, "mode": "PowerOn", "enabled": False}),
            {"smart_standby_enable": False},
        ),
        (
            ("smart_standby_after", "LastBrewing"),
            ("SettingSmartStandby", {"minutes": 42, "mode": "LastBrewing", "enabled": True}),
            {"smart_standby_after": "LastBrewing"},
        ),
    ],
)
def test_each_setting_is_sent_once_and_read_back(
    words: tuple[str, ...], command: tuple[str, dict[str, object]], values: dict[str, object]
) -> None:
    machine = Peripheral()
    outcome = send(machine, *words)
    assert outcome.done
    assert not outcome.complaint
    assert machine.commands == [{"name": command[0], "parameter": command[1]}]
    found = {each.change.name: each.found for each in outcome.results if each.found is not None}
    assert values.items() <= found.items()


def test_the_option_of_standby() -> None:
    machine = Peripheral()
    assert send(machine, "standby", "42", after="last-brewing").done
    assert machine.values["smartStandBy"] == {"minutes": 42, "mode": "LastBrewing", "enabled": True}


def test_what_the_machine_holds_already_is_not_sent() -> None:
    machine = Peripheral()
    assert send(machine, "coffee-temp", "94").done
    assert not machine.commands


@pytest.mark.parametrize(
    ("family", "words", "error", "said"),
    [
        ("MICRA", ("steam-temp", "127"), RegisterError, "126, 128 or 131 °C"),
        ("LINEA", ("steam-temp", "126"), RegisterError, "Linea Mini cannot be set"),
        ("GS3AV", ("steam-level", "1"), RegisterError, "no steam levels"),
        ("MICRA", ("coffee-temp", "79.9"), RegisterError, "80 to 110 °C, not 79.9"),
        ("MICRA", ("coffee-temp", "nan"), RegisterError, "not a number"),
        ("MICRA", ("standby", "0"), RegisterError, "1 to 240 min"),
        ("MICRA", ("standby", "2.5"), RegisterError, "whole number"),
        ("MICRA", ("steam-level", "4"), RegisterError, "no steam level '4'"),
        ("MICRA", ("power",), RegisterError, "power takes state; for example power on"),
        ("MICRA", ("power", "perhaps"), RegisterError, "neither on nor off"),
        ("MICRA", ("dose", "2", "100"), UnsupportedError, "dose cannot be set over Bluetooth"),
        ("MICRA", ("mon_on_time", "06:30"), UnsupportedError, "cannot be set over Bluetooth"),
        ("MICRA", ("cofee-temp", "93"), RegisterError, "did you mean"),
        ("HAL9000", ("steam-temp", "126"), ModelUnknownError, "which steam temperatures a HAL9000 takes"),
        ("PICOG", ("steam-temp", "126"), ModelUnknownError, "nobody knows which steam temperatures a Pico takes"),
    ],
)
def test_what_is_not_taken_is_not_sent(family: str, words: tuple[str, ...], error: type[Exception], said: str) -> None:
    machine = Peripheral(family=family)
    with pytest.raises(error, match=said):
        send(machine, *words)
    assert not machine.commands


def test_a_gs3_takes_degrees() -> None:
    assert send(Peripheral(family="GS3MP"), "steam-temp", "127.5").done


def test_nothing_is_sent_to_a_machine_that_does_not_say_what_it_is() -> None:
    machine = Peripheral()
    machine.values["machineCapabilities"] = ""
    with pytest.raises(ModelUnknownError, match="give --model"):
        send(machine, "power", "on")
    assert not machine.commands
    assert send(machine, "power", "on", model="Linea Micra").done


def test_what_heats_says_so() -> None:
    driver = driver_of(Peripheral())
    hazards = {name: driver.plan(name, [word]).changes[0].hazard for name, word in (
        ("power", "on"), ("coffee-temp", "93"), ("steam-level", "1"), ("steam-boiler", "on"), ("power", "off"),
        ("steam-boiler", "off"), ("standby", "30"))}  # fmt: skip
    assert hazards == {
        "power": "",
        "coffee-temp": "sets how hot the coffee boiler gets",
        "steam-level": "sets how hot the steam boiler gets",
        "steam-boiler": "",
        "standby": "",
    }
    assert driver.plan("power", [True]).changes[0].hazard == "heats the boilers"
    assert driver.plan("steam_boiler_enable", [True]).changes[0].hazard == "heats the steam boiler"


def test_an_empty_tank_is_doubted_unless_plumbed_in() -> None:
    machine = Peripheral()
    machine.values["tankStatus"] = "false"
    driver = driver_of(machine)
    preview = used(driver, lambda session: session.run(previewing(driver.plan("power", ["on"]))))
    assert preview.doubts == ["the machine says that its water tank is empty"]
    machine.values["isPlumbedIn"] = "true"
    preview = used(driver, lambda session: session.run(previewing(driver.plan("power", ["on"]))))
    assert not preview.doubts


@pytest.mark.parametrize(
    ("status", "obeys", "state", "complaint"),
    [
        ([b""], True, State.DONE, "did not confirm MachineChangeMode; but the machine holds the new value"),
        ([b""], False, State.UNKNOWN, "did not confirm MachineChangeMode"),
        (None, False, State.NOT_TAKEN, "the machine said OK, but did not take it: power"),
        ([b'{"status":"error","message":"busy"}'], False, State.NOT_TAKEN, "it answered 'busy'"),
        ([b'{"status":"error","message":"busy"}'], True, State.DONE, "but the machine holds the new value"),
    ],
)
def test_what_came_of_a_command_is_what_can_be_read(
    status: list[bytes] | None,
    obeys: bool,  # noqa: FBT001 -- a parameter of the test
    state: State,
    complaint: str,
) -> None:
    machine = Peripheral()
    machine.status, machine.obeys = status, obeys
    outcome = send(machine, "power", "on")
    assert [each.state for each in outcome.results] == [state]
    assert complaint in outcome.complaint
    assert len(machine.commands) == 1
    assert machine.connections == 1


@pytest.mark.parametrize(("when", "state"), [("lose_after", State.DONE), ("lose_at", State.UNKNOWN)])
def test_a_write_that_is_cut_off_is_settled_by_reading_on_another_connection(when: str, state: State) -> None:
    machine = Peripheral()

    def once(verb: str, characteristic: str) -> bool:
        return (verb, characteristic) == ("write", "0b0b") and machine.connections == 1

    setattr(machine, when, once)
    outcome = send(machine, "power", "on")
    assert [each.state for each in outcome.results] == [state]
    assert len(machine.commands) == (when == "lose_after")
    assert machine.connections == 2


def test_a_read_is_tried_again_on_another_connection() -> None:
    machine = Peripheral()
    machine.lose_at = lambda _verb, characteristic: characteristic == "0a0b" and machine.connections == 1
    driver = driver_of(machine)
    assert used(driver, lambda session: session.ask(driver.polls()[0].request)).fields == {"power": False}
    assert machine.connections == 2
    machine.lose_at = lambda _verb, characteristic: characteristic == "0a0b"
    with pytest.raises(ConnectionLostError):
        used(driver, lambda session: session.ask(driver.polls()[0].request))


@pytest.mark.parametrize(("answer", "error"), [(b"", NotToldError), (b"[{", UnreadableError)])
def test_what_is_not_told_does_not_end_the_connection(answer: bytes, error: type[Exception]) -> None:
    machine = Peripheral()
    driver = driver_of(machine)
    machine.garble = lambda _value: answer

    async def use(session: Session[Any]) -> None:
        with pytest.raises(error):
            await session.ask(driver.polls()[0].request)
        machine.garble = lambda value: value
        await session.ask(driver.polls()[0].request)

    used(driver, use)
    assert machine.connections == 1


def test_a_damaged_answer_is_asked_for_again() -> None:
    machine = Peripheral()
    driver = driver_of(machine)
    machine.garble = lambda value: value if len(machine.written) > 1 else value[:3]
    assert used(driver, lambda session: session.ask(driver.polls()[0].request)).fields == {"power": False}


def test_a_gateway_without_notifications_is_remarked() -> None:
    driver = driver_of(Peripheral(tuple(each for each in NEWEST if each != "0e0b")))
    assert not driver.remark
    used(driver, lambda session: session.ask(driver.polls()[0].request))
    assert "reports nothing by itself" in driver.remark
    assert driver.name == "MICRA_MR012345"
