"""Understand and drive the local network protocol of La Marzocco home espresso machines.

What a program needs is here: `lmdecode.decode(…)`, `lmdecode.Machine(…)` and what stands in `__all__`. See docs/api.md.
Other modules may change from one version to the next. Each name is loaded when it is first used, so `import lmdecode`
costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmdecode.api.blocking import Machine
    from lmdecode.api.decoding import CaptureWarning, Decoding, Statistics, decode
    from lmdecode.api.explaining import Explanation, explain
    from lmdecode.api.live import AsyncMachine, HazardError, NotTakenError
    from lmdecode.api.memory import MemoryImage
    from lmdecode.api.simulating import SimulatedMachine, simulate
    from lmdecode.api.status import Status
    from lmdecode.capture.errors import CaptureError
    from lmdecode.codec.cipher import Key
    from lmdecode.codec.errors import LmdecodeError, RegisterError
    from lmdecode.codec.record import Record
    from lmdecode.machine.errors import MachineError
    from lmdecode.machine.setting import Outcome
    from lmdecode.output.arrow import to_arrow, to_polars

__all__ = [
    "AsyncMachine",
    "CaptureError",
    "CaptureWarning",
    "Decoding",
    "Explanation",
    "HazardError",
    "Key",
    "LmdecodeError",
    "Machine",
    "MachineError",
    "MemoryImage",
    "NotTakenError",
    "Outcome",
    "Record",
    "RegisterError",
    "SimulatedMachine",
    "Statistics",
    "Status",
    "decode",
    "explain",
    "simulate",
    "to_arrow",
    "to_polars",
]

__version__ = "0.1.0"

_HOMES = {
    "lmdecode.api.blocking": ("Machine",),
    "lmdecode.api.decoding": ("CaptureWarning", "Decoding", "Statistics", "decode"),
    "lmdecode.api.explaining": ("Explanation", "explain"),
    "lmdecode.api.live": ("AsyncMachine", "HazardError", "NotTakenError"),
    "lmdecode.api.memory": ("MemoryImage",),
    "lmdecode.api.simulating": ("SimulatedMachine", "simulate"),
    "lmdecode.api.status": ("Status",),
    "lmdecode.capture.errors": ("CaptureError",),
    "lmdecode.codec.cipher": ("Key",),
    "lmdecode.codec.errors": ("LmdecodeError", "RegisterError"),
    "lmdecode.codec.record": ("Record",),
    "lmdecode.machine.errors": ("MachineError",),
    "lmdecode.machine.setting": ("Outcome",),
    "lmdecode.output.arrow": ("to_arrow", "to_polars"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- type checkers read the imports above
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module 'lmdecode' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 -- `import lmdecode` does without

    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
