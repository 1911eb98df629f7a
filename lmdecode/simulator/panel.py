"""What stands on the machine's front panel, after what was seen of two machines."""

from __future__ import annotations

from datetime import datetime

from lmdecode.codec.v1.named_memory import Registers

__all__ = ["show"]


def show(registers: Registers, now: datetime, *, on: bool) -> str:
    """Sixteen characters: the time in standby, else coffee's temperature, both heaters (■ on, □ off) and the time."""
    clock = f"{now:%H:%M}"
    if not on:
        return f"STAND-BY   {clock}"
    state = registers.get("heating_state")
    lit = state if isinstance(state, list) else []
    coffee, steam = ("■" if f"{name}_heater_on" in lit else "□" for name in ("coffee", "steam"))
    return f"{registers.number('coffee_temp', 0):5.1f}°C{coffee}{steam}{clock:>7}"[:16]
