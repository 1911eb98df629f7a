"""Makes homeassistant.log: what Home Assistant logs of a morning with a Linea Micra, by pylamarzocco 2.5.2.

    python captures/make/homeassistant.py  # writes it anew

Every byte is made up here and in lion.py, in the shapes that are known; the same bytes come out each time. The story is
that of the other samples of 2026-11-21, as one program sees it: answers and pushes of the cloud, what is sent by
Bluetooth, and the live notifications of a shot and a flush. The clock is that of Rome, an hour ahead of UTC, and has no
zone in the log, as with Home Assistant. Other parts of it write their lines as well.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
import lion

TARGET: Final = Path(__file__).parents[1] / "homeassistant.log"
_AHEAD: Final = timedelta(hours=1)
_CLOUD: Final = "pylamarzocco.clients._cloud"
_BLUETOOTH: Final = "pylamarzocco.clients._bluetooth"
_MACHINE: Final = "pylamarzocco.devices._machine"
_DEVICE: Final = "C8:2B:96:12:34:56"
_SUFFIX: Final = "7847-e12b-09a8-b04b-8e0922a9abab"
_COMMANDS: Final = {
    "CoffeeMachineChangeMode": ("set_power", "enabled"),
    "CoffeeMachineSettingCoffeeBoilerTargetTemperature": ("set_temp", "target_temperature"),
}


class Line(NamedTuple):
    """What one line says."""

    at: datetime
    logger: str
    text: str
    level: str = "DEBUG"


def at(clock: str) -> datetime:
    """Return the time of a clock of that morning in UTC, "HH:MM:SS.mmm"."""
    return datetime.fromisoformat(f"2026-11-21T{clock}+00:00").astimezone(UTC)


def masked(value: object) -> object:
    """Return an answer as pylamarzocco 2.5.2 prints it: without the token."""
    if isinstance(value, dict):
        return {name: "**REDACTED**" if name == "bleAuthToken" else masked(each) for name, each in value.items()}
    return [masked(each) for each in value] if isinstance(value, list) else value


def calls() -> Iterator[Line]:
    """Yield what is logged of the calls to the cloud."""
    for each in lion.exchanges():
        if each.host != lion.HOST or each.messages:
            continue
        end = each.begun + timedelta(seconds=each.lasts)
        if "/auth/" in each.path:
            what = "Refreshing access token" if "refresh" in each.path else "Getting new access token"
            if "init" not in each.path:
                yield Line(each.begun, _CLOUD, what)
            continue
        url = f"https://{each.host}{each.path}"
        if each.status != 200:
            said = f"Error fetching lamarzocco data: Request to endpoint {url} failed with status code {each.status}."
            coordinator = "homeassistant.components.lamarzocco.coordinator"
            yield Line(end, coordinator, f"{said}\nFull response: {each.answer}", "ERROR")
            continue
        name = each.path.rpartition("/command/")[2]
        if name != each.path:
            command, parameter = _COMMANDS[name]
            asked = each.asked if isinstance(each.asked, dict) else {}
            value = asked.get("targetTemperature", asked.get("mode") == "BrewingMode")
            params = {parameter: value, "serial_number": lion.SERIAL}
            yield Line(each.begun, _MACHINE, f"Sending command {command} over cloud with params {params}")
        yield Line(end, _CLOUD, f"Request to {url} successful")
        yield Line(end, _CLOUD, f"Response: {masked(each.answer)}")


def pushes() -> Iterator[Line]:
    """Yield what is logged of the WebSocket."""
    for each in lion.exchanges():
        for when, is_clients, text in each.messages:
            if text.startswith("CONNECTED"):
                yield Line(when, _CLOUD, "Received websocket message: CONNECTED")
            elif is_clients:
                words = {"CONNECT": "Connecting to websocket.", "SUBSCRIBE": "Subscribing to websocket."}
                yield Line(when, _CLOUD, words.get(text.partition("\n")[0], "Disconnecting websocket"))
            else:
                message = f"WSMessage(type=<WSMsgType.TEXT: 1>, data={text!r}, extra='')"
                yield Line(when, _CLOUD, f"Received websocket message: {message}")


def written(clock: str, value: bytes, characteristic: str) -> Line:
    """Return what is logged of a value that is sent."""
    return Line(at(clock), _BLUETOOTH, f"Sending bluetooth message: {value!r} to {characteristic}{_SUFFIX}")


def notified(when: datetime, words: str = "Shot counter received data", **values: object) -> Line:
    """Return what is logged of a notification."""
    text = json.dumps(values, separators=(",", ":")).encode()
    return Line(when, _BLUETOOTH, f"{words}: {bytearray(text)!r}")


def poured(begun: str, seconds: float, stopped: dict[str, object]) -> Iterator[Line]:
    """Yield what is notified while water flows."""
    start = at(begun)
    yield notified(start, BrewingStartedGroup1DoseIndex="ContinuousDose")
    passed = 1.062
    while passed < seconds:
        flow = {"BrewingUpdateGroup1Time": round(passed, 3), "BrewingUpdateGroup1Ev": True}
        yield notified(start + timedelta(seconds=passed), **flow, BrewingUpdateGroup1Backflush=False)
        passed += 1.062
    yield notified(start + timedelta(seconds=seconds + 0.04), **stopped)


def radio() -> Iterator[Line]:
    """Yield what is logged of Bluetooth."""
    yield Line(at("06:39:40.005"), _BLUETOOTH, f"Connecting to Bluetooth device {_DEVICE}")
    yield Line(at("06:39:41.318"), _BLUETOOTH, f"Successfully connected to Bluetooth device {_DEVICE}")
    ignored = "Ignoring the replayed shot counter notification"
    yield notified(at("06:39:41.502"), ignored, SteamBoilerUpdateTemperature=131)
    yield Line(at("06:39:41.505"), _BLUETOOTH, f"Subscribed to shot counter on {_DEVICE}")
    yield written("06:39:42.100", b"machineMode\0", "0a0b")
    yield written("06:39:42.411", b"boilers\0", "0a0b")
    yield notified(at("06:39:55.020"), CoffeeBoiler1UpdateTemperature=93)
    shot = {"BrewingStoppedGroup1StopType": "Continuous", "BrewingStoppedGroup1DoseIndex": "ContinuousDose"}
    shot |= {"BrewingStoppedGroup1StopReason": "Manual", "BrewingStoppedGroup1Time": 25.612}
    yield from poured("06:40:01.198", 25.612, shot)
    yield notified(at("06:40:40.735"), CoffeeBoiler1UpdateTemperature=90)
    yield notified(at("06:40:55.117"), CoffeeBoiler1UpdateTemperature=93)
    flush = {"FlushStoppedGroup1DoseIndex": "ContinuousDose", "FlushStoppedGroup1Time": 3.204}
    yield from poured("06:41:00.919", 3.204, flush)
    yield Line(at("06:43:00.000"), _BLUETOOTH, f"Bluetooth device {_DEVICE} disconnected")


def others() -> Iterator[Line]:
    """Yield what other parts of Home Assistant log."""
    for minute in range(29, 61, 4):
        when = at("06:00:13.370") + timedelta(minutes=minute)
        yield Line(when, "homeassistant.helpers.entity", "Updating sensor.kitchen took longer than 0.4 s", "WARNING")


def make() -> bytes:
    """Return the file."""
    lines = sorted([*calls(), *pushes(), *radio(), *others()], key=lambda each: each.at)
    made = ""
    for each in lines:
        local = (each.at + _AHEAD).strftime("%Y-%m-%d %H:%M:%S.%f")[:23]
        made += f"{local} {each.level} (MainThread) [{each.logger}] {each.text}\n"
    return made.encode()


if __name__ == "__main__":
    TARGET.write_bytes(make())
