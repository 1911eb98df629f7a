"""Understand and drive the network protocols of La Marzocco home espresso machines.

What a program needs is here: `lmdecode.decode(…)`, `lmdecode.Machine(…)` and what stands in `__all__`. The
project's page docs/api.md explains it. Other modules may change from one version to the next. Each name is loaded when
it is first used, so `import lmdecode` costs nothing.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as type checkers know it; the module typing is not needed for more
if TYPE_CHECKING:
    from lmdecode.analysis.changes import Differences
    from lmdecode.analysis.memory_history import History
    from lmdecode.analysis.pour import Shot
    from lmdecode.analysis.shots import find_shots
    from lmdecode.analysis.unknowns import Unknowns, find_unknowns
    from lmdecode.api.blocking import Machine
    from lmdecode.api.dataset import Export, export, query
    from lmdecode.api.decode import CaptureWarning, Decoding, Statistics, decode
    from lmdecode.api.explain import Explanation, explain
    from lmdecode.api.live import AsyncMachine
    from lmdecode.api.memory import MemoryImage, history
    from lmdecode.api.simulate import SimulatedMachine, simulate
    from lmdecode.api.status import Status
    from lmdecode.app.dataset.errors import DatasetError
    from lmdecode.app.query import QueryError
    from lmdecode.app.send import HazardError, NotTakenError
    from lmdecode.capture.source import CaptureError
    from lmdecode.codec.errors import LmdecodeError, RegisterError
    from lmdecode.codec.record import Record
    from lmdecode.codec.v1.key import Key
    from lmdecode.codec.v1.memory_map import REGISTERS
    from lmdecode.codec.v1.register import Register
    from lmdecode.device.changing import Outcome
    from lmdecode.device.errors import (
        BusyError,
        MachineError,
        NoAnswerError,
        NoConnectionError,
        UnsupportedError,
        WrongKeyError,
    )
    from lmdecode.render.arrow import to_arrow, to_polars

__all__ = [
    "REGISTERS",
    "AsyncMachine",
    "BusyError",
    "CaptureError",
    "CaptureWarning",
    "DatasetError",
    "Decoding",
    "Differences",
    "Explanation",
    "Export",
    "HazardError",
    "History",
    "Key",
    "LmdecodeError",
    "Machine",
    "MachineError",
    "MemoryImage",
    "NoAnswerError",
    "NoConnectionError",
    "NotTakenError",
    "Outcome",
    "QueryError",
    "Record",
    "Register",
    "RegisterError",
    "Shot",
    "SimulatedMachine",
    "Statistics",
    "Status",
    "Unknowns",
    "UnsupportedError",
    "WrongKeyError",
    "decode",
    "explain",
    "export",
    "find_shots",
    "find_unknowns",
    "history",
    "query",
    "simulate",
    "to_arrow",
    "to_polars",
]

__version__ = "0.1.0"

if "LMDECODE_WITHOUT" in os.environ:  # for tests and measurements: see there
    from lmdecode import _parts

    _parts.do_without(os.environ["LMDECODE_WITHOUT"])

if not TYPE_CHECKING:  # to whom the names above are all there is
    _HOMES = {
        "lmdecode.analysis.changes": ("Differences",),
        "lmdecode.analysis.memory_history": ("History",),
        "lmdecode.analysis.pour": ("Shot",),
        "lmdecode.analysis.shots": ("find_shots",),
        "lmdecode.analysis.unknowns": ("Unknowns", "find_unknowns"),
        "lmdecode.api.blocking": ("Machine",),
        "lmdecode.api.dataset": ("Export", "export", "query"),
        "lmdecode.api.decode": ("CaptureWarning", "Decoding", "Statistics", "decode"),
        "lmdecode.api.explain": ("Explanation", "explain"),
        "lmdecode.api.live": ("AsyncMachine",),
        "lmdecode.api.status": ("Status",),
        "lmdecode.api.memory": ("MemoryImage", "history"),
        "lmdecode.api.simulate": ("SimulatedMachine", "simulate"),
        "lmdecode.app.dataset.errors": ("DatasetError",),
        "lmdecode.app.query": ("QueryError",),
        "lmdecode.app.send": ("HazardError", "NotTakenError"),
        "lmdecode.capture.source": ("CaptureError",),
        "lmdecode.codec.v1.key": ("Key",),
        "lmdecode.codec.errors": ("LmdecodeError", "RegisterError"),
        "lmdecode.codec.v1.memory_map": ("REGISTERS",),
        "lmdecode.codec.record": ("Record",),
        "lmdecode.codec.v1.register": ("Register",),
        "lmdecode.device.errors": (
            "BusyError",
            "MachineError",
            "NoAnswerError",
            "NoConnectionError",
            "UnsupportedError",
            "WrongKeyError",
        ),
        "lmdecode.device.changing": ("Outcome",),
        "lmdecode.render.arrow": ("to_arrow", "to_polars"),
    }

    def __getattr__(name: str) -> object:
        home = next((home for home, names in _HOMES.items() if name in names), None)
        if home is None:
            raise AttributeError(f"module 'lmdecode' has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 -- `import lmdecode` does without

        if home.startswith(("lmdecode.api.", "lmdecode.codec.v1.key")):  # these load the cipher
            import_module("lmdecode._startup").load_cipher()
        value = globals()[name] = getattr(import_module(home), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
