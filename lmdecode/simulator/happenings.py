"""What a simulated machine says by itself as time passes: the items of the gateways' stream, and of notifications."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from lmdecode.codec.v1.memory_map import SHORTEST_COFFEE
from lmdecode.simulator import json_documents as documents
from lmdecode.simulator.components import Pour
from lmdecode.simulator.json_documents import COFFEE, STEAM, dose_name, plain

if TYPE_CHECKING:
    from lmdecode.simulator.json_machine import JsonMachine

Items = dict[str, Any]
"""What is said at once: a text of the stream, or a notification."""

_FIRST_UPDATE: Final = 0.1  # s of a shot, as a Linea Micra was seen to do: 0.09 to 0.12,
_UPDATE_EVERY: Final = 1.07  # s; and then each 1.05 to 1.09
_ROUNDING: Final = 1e-6  # s
_COUNTED_AFTER: Final = 6.0  # s from the end of a shot to the counters, as above
_WARM_UP: Final = 20.0  # °C; a boiler that has risen so far says what it has learned about its heater
_IN_GROUP: Final = frozenset(("coffee", "flush", "backflush"))


class Happenings:
    """Notices what happens in a machine.

    Args:
        machine: The machine.
        step: The change in °C of a boiler's temperature that is worth saying.
        bluetooth: Whether it is said as over Bluetooth: of a shot's beginning the button only, and whole degrees.
    """

    def __init__(self, machine: JsonMachine, *, step: float = 0.5, bluetooth: bool = False) -> None:
        self._machine = machine
        self._step = step
        self._bluetooth = bluetooth
        self._pour: Pour | None = None
        self._next_update = 0.0
        self._until_counted: float | None = None
        self._said = self._values()
        self._temperatures = {name: self._temperature(name) for name in ("coffee", "steam")}
        self._coldest = dict(self._temperatures)

    def water(self, seconds: float) -> list[Items]:
        """Returns what has become of the water since the last call, to be made at least once a second.

        Args:
            seconds: The machine's time that has passed since.
        """
        return [*self._water(seconds)]

    def changes(self) -> list[Items]:
        """Returns what else has changed since the last call."""
        return [*self._changes(), *self._heat()]

    def _values(self) -> dict[str, Any]:
        machine = self._machine
        return {
            "mode": documents.mode(machine),
            "tank": documents.tank_status(machine),
            "targets": documents.target_temperatures(machine),
            "steam": machine.registers.get("steam_boiler_enable") is not False,
            "group": documents.group_capabilities(machine),
            "preinfusion": documents.preinfusion_settings(machine),
        }

    def _changes(self) -> Iterator[Items]:
        before, now = self._said, self._values()
        self._said = now
        if now["mode"] != before["mode"]:
            yield {"MachineMode": now["mode"]}
            # No more than these two words were ever seen.
            yield {"WakeUp": "manual"} if now["mode"] == "BrewingMode" else {"Sleep": "command"}
        if now["tank"] != before["tank"]:
            yield {"TankStatus": "full" if now["tank"] else "empty"}
        for boiler in (COFFEE, STEAM):
            if now["targets"][boiler] != before["targets"][boiler]:
                yield {f"{boiler}UpdateSetPoint": now["targets"][boiler]}
        if now["steam"] != before["steam"]:
            yield {"SteamBoilerEnabled": now["steam"]}
        if self._bluetooth:
            return  # where nobody has seen more
        if now["targets"] != before["targets"]:
            boilers = documents.boilers(self._machine)
            yield {"BoilersTargetTemperature": _text(now["targets"]), "Boilers": _text(boilers)}
        if now["group"] != before["group"]:
            yield {"GroupCapabilities": _text(now["group"])}
        if now["preinfusion"] != before["preinfusion"]:
            yield {"PreinfusionSettings": _text(now["preinfusion"])}

    def _water(self, seconds: float) -> Iterator[Items]:
        physics = self._machine.physics
        while physics.ended:
            pour = physics.ended.popleft()
            if pour.what in _IN_GROUP:
                if pour is not self._pour:
                    yield self._started(pour)
                yield self._stopped(pour)
            self._pour = None
            self._until_counted = _COUNTED_AFTER + seconds
        running = physics.pour
        if running is not None and running.what in _IN_GROUP:
            self._until_counted = None
            if running is not self._pour:
                self._pour, self._next_update = running, _FIRST_UPDATE
                yield self._started(running)
            late = running.elapsed + _ROUNDING - self._next_update
            if late >= 0:  # a tick takes some of a second, and the machine's own steps do not follow ours
                due = self._next_update + late // _UPDATE_EVERY * _UPDATE_EVERY
                self._next_update = due + _UPDATE_EVERY
                yield self._update(running, min(due, running.elapsed))
        if self._until_counted is not None:
            self._until_counted -= seconds
            if self._until_counted <= 0:
                self._until_counted = None
                yield {"MachineStatistics": _text(documents.statistics(self._machine))}

    def _dose_index(self, pour: Pour) -> str:
        return "ContinuousDose" if self._machine.family.paddle else dose_name(pour.key or 5)

    @property
    def _measures(self) -> bool:
        """Whether it says what has flowed. Over Bluetooth nobody has seen that."""
        return not self._machine.family.paddle and not self._bluetooth

    def _started(self, pour: Pour) -> Items:
        items: Items = {} if self._bluetooth else {"BrewingStartedGroup1StopType": _stop_type(pour)}
        items["BrewingStartedGroup1DoseIndex"] = self._dose_index(pour)
        if self._measures:
            items["BrewingStartedGroup1VolumeTarget"] = int(pour.dose) if _has_dose(pour) else 0
        return items

    def _update(self, pour: Pour, seconds: float) -> Items:
        phase = pour.phase
        items: Items = {
            "BrewingUpdateGroup1Time": round(seconds, 3),
            "BrewingUpdateGroup1Ev": phase is not None and "brew_solenoid_on" in phase.bits,
        }
        if self._bluetooth:
            items["BrewingUpdateGroup1Backflush"] = pour.what == "backflush"
        if self._measures:
            items["BrewingUpdateGroup1Volume"] = int(pour.pulses)
        return items

    def _stopped(self, pour: Pour) -> Items:
        is_shot = pour.what == "coffee" and pour.elapsed >= SHORTEST_COFFEE  # as the counters have it
        name = "BrewingStoppedGroup1" if is_shot else "FlushStoppedGroup1"
        items: Items = {}
        if is_shot:
            items[f"{name}StopType"] = _stop_type(pour)
            if not _has_dose(pour) or pour.stopped:  # what it says at the end of a dose was never seen
                items[f"{name}StopReason"] = "Manual"
        items[f"{name}DoseIndex"] = self._dose_index(pour)
        items[f"{name}Time"] = round(pour.elapsed, 3)
        if self._measures:
            items[f"{name}Volume"] = int(pour.pulses)
        return items

    def _temperature(self, name: str) -> float:
        return self._machine.registers.number(f"{name}_temp", 0)

    def _heat(self) -> Iterator[Items]:
        for name, boiler in (("steam", STEAM), ("coffee", COFFEE)):
            now, before = self._temperature(name), self._temperatures[name]
            self._coldest[name] = min(self._coldest[name], now)
            target = self._said["targets"][boiler]
            if self._bluetooth and now >= target - self._step and now > self._coldest[name] + _WARM_UP:
                self._coldest[name] = now
                yield {f"{boiler}HeatingCoeff": _text(_coefficients(target))}
            steps = int(abs(now - before) / self._step + 1e-6) * self._step
            if steps:
                self._temperatures[name] = now = before + (steps if now > before else -steps)
                yield {f"{boiler}UpdateTemperature": round(now) if self._bluetooth else plain(now)}


def _has_dose(pour: Pour) -> bool:
    return pour.dose != float("inf")


def _stop_type(pour: Pour) -> str:
    return "Volume" if _has_dose(pour) else "Continuous"


def _coefficients(target: float) -> list[dict[str, float]]:
    """Returns what a boiler has learned about its heater; the numbers are made up, and so are those that are public."""
    points = [18 + index * (target - 18) / 4 for index in range(5)]
    return [{"temperature": round(each), "coefficent": round(0.19 + each / 3000, 4)} for each in points]


def _text(value: object) -> str:
    """Returns JSON as text, which the gateways put within JSON."""
    return json.dumps(value, separators=(",", ":"))
