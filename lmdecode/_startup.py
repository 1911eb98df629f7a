"""Shortcuts that make the command start and end sooner. The program does the same without them.

A command that prints one line spends most of its time on loading and unloading. Each trick here relies on the inside of
somebody else's library, so each has its own test, and each does nothing where that inside has changed.

- pycryptodome reaches its C code through cffi if that is installed, as it is with mitmproxy. Loading cffi and its
  parser takes more than 100 ms on a slow machine; ctypes does the same job at once. So cffi is hidden while the cipher
  loads.
- Through ctypes, pycryptodome asks `platform.architecture()` whether this is Windows, which starts the program `file`.
  The answer is known, so it is put where pycryptodome keeps it: 20 ms, and no process.
- It loads `ctypes.util` for a function that it calls on no system but Windows, and that loads `subprocess`, `tempfile`
  and `random`: 8 ms in a program that has no use for them. So a module with that one function stands in meanwhile.
- Python takes apart all that it holds before it ends, for a tenth of the time of a short command. `os._exit` does not.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from importlib import import_module
from types import ModuleType

from lmdecode._parts import is_off

_MONITORS = 6  # that Python's monitoring knows


def load_cipher() -> None:
    """Loads pycryptodome's AES by the shorter way.

    Nothing else runs yet that might want cffi meanwhile. It is there again afterwards.
    """
    if "cffi" in sys.modules or is_off("startup"):
        return
    sys.modules["cffi"] = None  # type: ignore[assignment]  # an import then fails as if it were not installed
    stand_in = None if "ctypes.util" in sys.modules else _ctypes_util()
    try:
        if stand_in is not None:
            sys.modules["ctypes.util"] = stand_in
        if sys.platform != "win32":
            getattr(import_module("Crypto.Util._raw_api"), "cached_architecture", [])[:] = ["", ""]
        import_module("Crypto.Cipher.AES")
    finally:
        sys.modules.pop("cffi", None)
        if stand_in is not None:
            sys.modules.pop("ctypes.util", None)


def _ctypes_util() -> ModuleType:
    """Returns what stands in for `ctypes.util`. Its function is that of the real one, loaded when it is called."""

    def find_library(name: str) -> str | None:
        found: str | None = import_module("ctypes.util").find_library(name)
        return found

    module = ModuleType("ctypes.util")
    module.find_library = find_library  # type: ignore[attr-defined]
    return module


def end_at_once(code: int | str | None) -> None:
    """Ends the process with an exit code, unless something still wants the end of Python itself.

    Python prints an exit code that is a text; other threads, profilers and debuggers have something to do at the end;
    and what cannot be flushed is an error that Python reports. In these cases this returns.
    """
    if is_off("startup") or isinstance(code, str) or threading.active_count() > 1 or _is_observed():
        return
    with contextlib.suppress(OSError):
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
        os._exit(code or 0)


def _is_observed() -> bool:
    """Whether a profiler, a debugger or a measurement of coverage runs."""
    monitoring = getattr(sys, "monitoring", None)  # since Python 3.12
    tools = map(monitoring.get_tool, range(_MONITORS)) if monitoring else ()
    return any((sys.getprofile(), sys.gettrace(), *tools))
