"""Auto on/off: what the machine's schedule does at a minute."""

from __future__ import annotations

from datetime import datetime

from lmdecode.codec.v1.memory_map import DAYS
from lmdecode.codec.v1.named_memory import Registers

__all__ = ["switched"]


def switched(registers: Registers, now: datetime) -> bool | None:
    """Whether the machine is switched on (True) or off (False) in the minute that begins now; None for neither."""
    day = DAYS[now.weekday()]
    enabled = registers.get("auto_bitfield")
    if not isinstance(enabled, list) or not {"global_auto", f"{day}_auto"} <= set(enabled):
        return None
    on, off = (
        (registers.get(f"{day}_{event}_hour"), registers.get(f"{day}_{event}_min")) == (now.hour, now.minute)
        for event in ("on", "off")
    )
    return None if on == off else on
