"""A machine of the generations that speak JSON, without socket, radio or clock: v1's boilers, water and schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, Literal

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Value
from lmdecode.codec.v1.memory import Memory, NamedMemory
from lmdecode.simulator.families import Family, family_memory
from lmdecode.simulator.happenings import Happenings, Items
from lmdecode.simulator.physics import Physics, SmartStandby

_STEP: Final = 1.0  # s in which a boiler's heater switches once at most
GATEWAYS: Final[Mapping[str, str]] = {"v3": "v3.6-rc4", "bluetooth": "v5.4.13"}
"""The firmware of a simulated machine's gateway: one of those that are public, for each generation."""
LONGEST_STANDBY: Final = 240
"""Minutes of the smart standby at most. Source: pylamarzocco."""
_STANDBY_AFTER: Final = ("PowerOn", "LastBrewing")
_BOILERS: Final = {"CoffeeBoiler1": "coffee", "SteamBoiler": "steam"}


class JsonMachine:
    """A machine.

    Args:
        family: What it is.
        generation: The generation that it speaks.
        memory: Its memory, which changes; None: what its family starts with.
        now: The time to set its clock to; None: the time in its memory.

    >>> from lmdecode.simulator.families import FAMILIES
    >>> machine = JsonMachine(FAMILIES["Linea Micra"], "bluetooth")
    >>> machine.physics.pull_shot(1)
    >>> machine.advance(0.1)[0]
    {'BrewingStartedGroup1DoseIndex': 'ContinuousDose'}
    """

    def __init__(
        self,
        family: Family,
        generation: Literal["v3", "bluetooth"] = "v3",
        memory: Memory | None = None,
        *,
        now: datetime | None = None,
    ) -> None:
        self.family = family
        self.model = family.model
        self.generation = generation
        self.gateway = GATEWAYS[generation]
        self.memory = family_memory(family) if memory is None else memory
        self.registers = NamedMemory(self.memory)
        self.physics = Physics(self.registers, family.runs_as, now, paddle=family.paddle, called=family.model)
        self.standby = SmartStandby()
        self.physics.smart_standby = self.standby
        self.plumbed_in = False
        self.backflush_enabled = False
        self.seconds = 0.0
        """How long it has run."""
        bluetooth = generation == "bluetooth"
        self._happenings = Happenings(self, step=3.0 if bluetooth else 0.5, bluetooth=bluetooth)

    @property
    def serial_number(self) -> str:
        """Its serial number."""
        return str(self.registers.get("machine_ser_num") or self.family.serial_number)

    def take_notes(self) -> list[str]:
        """Returns what has happened since the last call, in words."""
        notes = list(self.physics.notes)
        self.physics.notes.clear()
        return notes

    def advance(self, seconds: float) -> list[Items]:
        """Lets time pass; returns what the machine says by itself, in order. Of a temperature only the last is said."""
        said: list[Items] = []
        remaining = seconds
        while remaining > 0:
            step = min(remaining, _STEP)
            self.physics.step(step)
            said += self._happenings.water(step)
            remaining -= _STEP
        said += self._happenings.changes()
        self.seconds += seconds
        last = {name: index for index, items in enumerate(said) for name in items if name in _OFTEN}
        return [items for index, items in enumerate(said) if all(last.get(name, index) == index for name in items)]

    def get(self, name: str) -> Value | None:
        """Returns a value by its name; None if it has none."""
        if name in _EXTRA:
            return getattr(*self._extra(name))  # type: ignore[no-any-return]
        return self.registers.get(name)

    def set(self, name: str, value: Value) -> None:
        """Sets a value without asking whether the machine would take it from a client.

        Raises:
            RegisterError: It has no such value, or this is none of its kind.
        """
        if name not in _EXTRA:
            self.physics.set(name, value)
            return
        kind = _EXTRA[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise RegisterError(f"{name}: {value!r} is not what it takes: {_TAKES[kind]}")
        if name == "smart_standby_after" and value not in _STANDBY_AFTER:
            raise RegisterError(f"{name}: {str(value)[:40]!r} is neither {' nor '.join(_STANDBY_AFTER)}")
        if name == "smart_standby_minutes" and not 1 <= int(str(value)) <= LONGEST_STANDBY:
            raise RegisterError(f"{name}: {value} is not 1 to {LONGEST_STANDBY} minutes")
        setattr(*self._extra(name), value)

    def _extra(self, name: str) -> tuple[object, str]:
        if name.startswith("smart_standby_"):
            attribute = name.removeprefix("smart_standby_")
            return self.standby, "enabled" if attribute == "enable" else attribute
        return self, {"plumbed_in": name, "backflush_enable": "backflush_enabled"}[name]

    def set_target(self, boiler: str, degrees: float) -> None:
        """Sets the target of a boiler, by its name in JSON, whatever it is.

        Raises:
            RegisterError: There is no such boiler, or a register cannot have the value.
        """
        self.registers.put(f"{_named(boiler)}_set_temp", round(degrees, 1))

    def enable(self, boiler: str, *, on: bool) -> None:
        """Switches a boiler on or off; the coffee boiler is always on.

        Raises:
            RegisterError: There is no such boiler.
        """
        if _named(boiler) == "steam":
            self.registers.put("steam_boiler_enable", on)

    def set_smart_standby(self, *, enabled: bool, minutes: int, after: str) -> None:
        """Sets the standby that follows some minutes without use.

        Raises:
            RegisterError: One of the values is not possible; then none is set.
        """
        kept = replace(self.standby)
        try:
            self.set("smart_standby_minutes", minutes)
            self.set("smart_standby_after", after)
            self.set("smart_standby_enable", enabled)
        except RegisterError:
            self.standby.enabled, self.standby.minutes, self.standby.after = kept.enabled, kept.minutes, kept.after
            raise


_OFTEN: Final = frozenset(
    (
        "CoffeeBoiler1UpdateTemperature",
        "SteamBoilerUpdateTemperature",
        "BrewingUpdateGroup1Time",
        "MachineStatistics",
    )
)
"""What a machine whose time is sped up would say many times at once."""
_EXTRA: Final[Mapping[str, type]] = {
    "smart_standby_enable": bool,
    "smart_standby_minutes": int,
    "smart_standby_after": str,
    "plumbed_in": bool,
    "backflush_enable": bool,
}
"""The values that v1 has no register for, and their types."""
_TAKES: Final[Mapping[type, str]] = {bool: "on or off", int: "a whole number", str: "a word"}


def _named(boiler: str) -> str:
    name = _BOILERS.get(boiler)
    if name is None:
        raise RegisterError(f"no boiler {boiler[:40]!r}: there are {' and '.join(_BOILERS)}")
    return name
