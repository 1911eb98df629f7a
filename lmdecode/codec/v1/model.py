"""Which model a machine is."""

from __future__ import annotations

from typing import Final

from lmdecode.codec.v1.memory import Memory, Registers
from lmdecode.codec.v1.memory_map import GS3_AV, GS3_MP, LINEA_MINI, WINDOWS

TELLING: Final = tuple(window for window in WINDOWS if window.name in {"serial number", "drink counters"})
"""The windows that hold what tells a model."""


def model_of(memory: Memory) -> str | None:
    """The model that a memory is likely to be of, by its serial number and what its keys hold; None if nobody knows."""
    registers = Registers(memory)
    serial = registers.get("machine_ser_num")
    if isinstance(serial, str) and serial.startswith("LM"):
        return LINEA_MINI
    counts = [registers.get(f"drinks_k{key}") for key in range(2, 5)]
    if None not in counts:  # a GS3 MP counts all its coffees as key 1
        return GS3_AV if any(counts) else GS3_MP
    return None
