"""A boiler: it heats towards its set point by thermostat, and cools. Our own simple physics, not the maker's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

__all__ = ["AMBIENT", "Boiler", "coffee_boiler", "steam_boiler"]

AMBIENT: Final = 22.0
"""°C in the room, and of the water that flows in."""


@dataclass(slots=True)
class Boiler:
    """A vessel of water with a heater."""

    temperature: float
    """°C"""
    heats: float
    """°C a second, when the heater is on."""
    loses: float
    """The part of what it is warmer than the room that it loses in a second."""
    liters: float
    hysteresis: float
    """°C below the set point at which the heater goes on again."""
    inflow: float = AMBIENT
    """°C of the water that flows in when some is taken out."""
    heating: bool = False

    def step(self, seconds: float, set_point: float | None) -> float:
        """Let time pass; with no set point the heater is off. How many seconds the heater was on."""
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
        """Take water out, for which colder water flows in."""
        if self.temperature > self.inflow:
            part = min(liters / self.liters, 1.0)
            self.temperature -= part * (self.temperature - self.inflow)


def coffee_boiler(temperature: float) -> Boiler:
    """A coffee boiler: hot in about eight minutes, fed with water that was warmed on its way."""
    return Boiler(temperature, heats=0.17, loses=1 / 9000, liters=1.5, hysteresis=0.3, inflow=60.0)


def steam_boiler(temperature: float) -> Boiler:
    """A steam boiler: hot in about eight minutes."""
    return Boiler(temperature, heats=0.24, loses=1 / 7200, liters=3.0, hysteresis=0.8)
