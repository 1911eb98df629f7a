"""The machine's counters of drinks, hours and seconds."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from lmdecode.codec.v1.memory_map import SHORTEST_COFFEE
from lmdecode.codec.v1.named_memory import Registers
from lmdecode.simulator.water import Draw

__all__ = ["Usage"]

_COUNTS: Final = 1 << 32  # a counter that has reached it begins again
_COFFEES: Final = ("drinks_k1", "drinks_k2", "drinks_k3", "drinks_k4", "continuous")
_HOT_WATER: Final = ("hot_water", "hot_water_2", "drinks_hot_water")


class Usage:
    """Adds to the counters; what is less than one of their units is kept until it is one."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers
        self._rest: defaultdict[str, float] = defaultdict(float)

    def add(self, name: str, amount: float) -> None:
        """Count up."""
        whole, self._rest[name] = divmod(self._rest[name] + amount, 1)
        value = self._registers.get(name)
        if whole and isinstance(value, int):
            self._registers.put(name, (value + int(whole)) % _COUNTS)

    def count(self, draw: Draw) -> None:
        """Count water that was drawn."""
        if draw.what == "hot water":
            for name in _HOT_WATER:
                self.add(name, 1)
        elif draw.what == "coffee":
            self.add("total_coffee_activations", 1)
            if draw.elapsed >= SHORTEST_COFFEE:
                self.add(f"drinks_k{draw.key}" if 1 <= draw.key <= 4 else "continuous", 1)
                total = sum(self._registers.number(name, 0) for name in _COFFEES)
                if self._registers.get("total_coffee") is not None:
                    self._registers.put("total_coffee", total % _COUNTS)
