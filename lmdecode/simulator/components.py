"""The parts of a simulated machine: boilers, water that is poured, counters. The physics is simple, and our own."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from lmdecode.codec.v1.memory import NamedMemory
from lmdecode.codec.v1.memory_map import SHORTEST_COFFEE

AMBIENT: Final = 22.0
"""The temperature of the room and of fresh water, in °C."""


@dataclass(slots=True)
class Boiler:
    """A vessel of water with a heater."""

    temperature: float
    """°C"""
    heats: float
    """The rise in °C a second while the heater is on."""
    loses: float
    """The share of its excess over the room's temperature that it loses in a second."""
    liters: float
    hysteresis: float
    """The distance in °C below the set point at which the heater goes on again."""
    inflow: float = AMBIENT
    """The temperature of the water that replaces what is taken out, in °C."""
    heating: bool = False

    def step(self, seconds: float, set_point: float | None) -> float:
        """Lets time pass; returns the seconds for which the heater was on. Without a set point it is off."""
        above = (self.temperature - AMBIENT) * math.exp(-self.loses * seconds)
        self.temperature = AMBIENT + above
        if set_point is None or self.temperature >= set_point:
            self.heating = False
        elif self.temperature <= set_point - self.hysteresis:
            self.heating = True
        if not self.heating or set_point is None:
            return 0.0
        on = min(seconds, (set_point - self.temperature) / self.heats)
        self.temperature += on * self.heats
        if on < seconds:
            self.heating = False
        return on

    def take(self, liters: float) -> None:
        """Takes water out, which colder water replaces."""
        if self.temperature > self.inflow:
            part = min(liters / self.liters, 1.0)
            self.temperature -= part * (self.temperature - self.inflow)


def coffee_boiler(temperature: float) -> Boiler:
    """Returns a coffee boiler: hot in about eight minutes, and fed with preheated water."""
    return Boiler(temperature, heats=0.17, loses=1 / 9000, liters=1.5, hysteresis=0.3, inflow=60.0)


def steam_boiler(temperature: float) -> Boiler:
    """Returns a steam boiler: hot in about eight minutes."""
    return Boiler(temperature, heats=0.24, loses=1 / 7200, liters=3.0, hysteresis=0.8)


BREW_RATE: Final = 4.8
"""Pulses of the flow meter a second under pressure: a dose of 120 takes 25 s. Our choice, as all numbers here."""

_SLOW_RATE: Final = 1.2  # pulses a second while the puck gets wet
_BACKFLUSH_CYCLES: Final = 5
_BACKFLUSH_SECONDS: Final = 5.0  # the pump on, and as long off
_LONGEST: Final = 120.0  # seconds after which a shot that nobody stops ends
_SOON: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a pour in which nothing changes."""

    seconds: float
    pulses: float
    """The pulses of the flow meter in a second."""
    bits: tuple[str, ...]
    """The bits of `heating_state` that are set."""
    fast: bool = False


@dataclass(slots=True)
class Pour:
    """Water that is poured.

    Args:
        what: "coffee", "flush", "hot water" or "backflush".
        key: The button; 0 for none.
        phases: Its phases, one after the other.
        dose: Pulses after which it ends.
        limit: Seconds after which it ends.
    """

    what: str
    key: int
    phases: Sequence[Phase]
    dose: float = math.inf
    limit: float = math.inf
    elapsed: float = 0.0
    pulses: float = 0.0
    pump_seconds: float = 0.0
    water_seconds: float = 0.0
    stopped: bool = False
    _index: int = field(default=0, repr=False)
    _in_phase: float = field(default=0.0, repr=False)

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return (
            self.stopped
            or self._index >= len(self.phases)
            or self.pulses >= self.dose - _SOON
            or self.elapsed >= self.limit - _SOON
        )

    @property
    def phase(self) -> Phase | None:
        """The phase that runs now; None when the pour is over."""
        return None if self.over else self.phases[self._index]

    def advance(self, seconds: float) -> None:
        """Lets time pass, up to the exact end of the pour."""
        while seconds > _SOON and (phase := self.phase) is not None:
            step = min(seconds, phase.seconds - self._in_phase, self.limit - self.elapsed)
            if phase.pulses:
                step = min(step, (self.dose - self.pulses) / phase.pulses)
            self.elapsed += step
            self._in_phase += step
            self.pulses += step * phase.pulses
            if self.pulses >= self.dose - _SOON:
                self.pulses = self.dose  # a rounding error would show as one pulse less
            self.pump_seconds += step * ("pump_on" in phase.bits)
            self.water_seconds += step * any(bit.endswith("_solenoid_on") for bit in phase.bits)
            seconds -= step
            if self._in_phase >= phase.seconds - _SOON:
                self._index += 1
                self._in_phase = 0.0


def shot(
    key: int,
    *,
    dose: float | None,
    seconds: float | None,
    prebrewing: tuple[float, float] = (0.0, 0.0),
    preinfusion: float = 0.0,
) -> Pour:
    """Returns a coffee.

    Args:
        key: The button.
        dose: Pulses; None if the machine does not measure them.
        seconds: How long; the dose then does not count. None: until the dose.
        prebrewing: Seconds for which the pump wets the puck, and then pauses.
        preinfusion: Seconds without pump, on the pressure of the water line.
    """
    on, off = prebrewing
    phases = [
        Phase(on, _SLOW_RATE, ("pump_on", "brew_solenoid_on")),
        Phase(off, 0.0, ("brew_solenoid_on",)),
        Phase(preinfusion, _SLOW_RATE, ("brew_solenoid_on",)),
        Phase(_LONGEST, BREW_RATE, ("pump_on", "brew_solenoid_on"), fast=True),
    ]
    return Pour(
        "coffee",
        key,
        [phase for phase in phases if phase.seconds],
        math.inf if seconds is not None or dose is None else dose,
        math.inf if seconds is None else seconds,
    )


def flush(key: int, seconds: float) -> Pour:
    """Returns a flush: water through the group, without coffee."""
    return Pour("flush", key, [Phase(seconds, BREW_RATE, ("pump_on", "brew_solenoid_on"), fast=True)])


def hot_water(seconds: float) -> Pour:
    """Returns hot water, out of the steam boiler."""
    return Pour("hot water", 0, [Phase(seconds, BREW_RATE, ("pump_on", "hot_water_solenoid_on"), fast=True)])


def backflush() -> Pour:
    """Returns a backflush: the pump runs against a blind filter, on and off."""
    on = Phase(_BACKFLUSH_SECONDS, 0.0, ("pump_on", "brew_solenoid_on"))
    return Pour("backflush", 0, [on, Phase(_BACKFLUSH_SECONDS, 0.0, ())] * _BACKFLUSH_CYCLES)


_COUNTS: Final = 1 << 32  # a counter that reaches it starts again at 0
_COFFEES: Final = ("drinks_k1", "drinks_k2", "drinks_k3", "drinks_k4", "continuous")
_HOT_WATER: Final = ("hot_water", "hot_water_2", "drinks_hot_water")


class Usage:
    """Adds to the counters. Fractions of a unit add up until they are a whole one."""

    def __init__(self, registers: NamedMemory) -> None:
        self._registers = registers
        self._rest: defaultdict[str, float] = defaultdict(float)

    def add(self, name: str, amount: float) -> None:
        """Adds to a counter."""
        whole, self._rest[name] = divmod(self._rest[name] + amount, 1)
        value = self._registers.get(name)
        if whole and isinstance(value, int):
            self._registers.put(name, (value + int(whole)) % _COUNTS)

    def count(self, pour: Pour) -> None:
        """Counts a pour that has ended."""
        if pour.what == "hot water":
            for name in _HOT_WATER:
                self.add(name, 1)
        elif pour.what == "flush":
            self.add("total_coffee_activations", 1)
        elif pour.what == "coffee":
            self.add("total_coffee_activations", 1)
            if pour.elapsed >= SHORTEST_COFFEE:
                self.add(f"drinks_k{pour.key}" if 1 <= pour.key <= 4 else "continuous", 1)
                total = sum(self._registers.number(name, 0) for name in _COFFEES)
                if self._registers.get("total_coffee") is not None:
                    self._registers.put("total_coffee", total % _COUNTS)
