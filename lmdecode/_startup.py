"""Shortcuts that make the command start and end sooner, and programs that import lmdecode start sooner too.

A command that prints one line spends most of its time on loading and unloading. Each trick here relies on the inside of
somebody else's library, so each has its own test, and each does nothing where that inside has changed.

- pycryptodome reaches its C code through cffi if that is installed, as it is with mitmproxy. Loading cffi and its
  parser takes more than 100 ms on a slow machine; ctypes does the same job at once. So one module of pycryptodome is
  executed with an `import` of its own, for which cffi is not installed.
- Through ctypes, pycryptodome asks `platform.architecture()` whether this is Windows, which starts the program `file`.
  The answer is known, so it is put where pycryptodome keeps it: 20 ms, and no process.
- It loads `ctypes.util` for a function that it calls on no system but Windows, and that loads `subprocess`, `tempfile`
  and `random`: 8 ms in a program that has no use for them. Its `import` gives it a function that loads it when called.
- Python takes apart all that it holds before it ends, for a tenth of the time of a short command. `os._exit` does not.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import sys
import threading
from importlib import import_module
from types import ModuleType

from lmdecode._parts import is_off

_MONITORS = 6  # that Python's monitoring knows
_TO_C = "Crypto.Util._raw_api"


def load_cipher() -> None:
    """Loads pycryptodome's AES by the shorter way, unless cffi is loaded already.

    Other threads may import whatever they want meanwhile, cffi and pycryptodome too: nothing is hidden from them, and
    the module is shown to them when it is whole.
    """
    if _TO_C not in sys.modules and "cffi" not in sys.modules and not is_off("startup"):
        with contextlib.suppress(Exception):  # whatever has changed in there, the longer way says what is wrong
            _load_without_cffi()
    import_module("Crypto.Cipher.AES")


def _load_without_cffi() -> None:
    from importlib.util import find_spec, module_from_spec  # noqa: PLC0415 -- the version is printed without

    spec = find_spec(_TO_C)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    vars(module)["__builtins__"] = vars(builtins) | {"__import__": _import}
    spec.loader.exec_module(module)
    if sys.platform != "win32":
        module.cached_architecture[:] = ["", ""]
    package, _, name = _TO_C.rpartition(".")
    setattr(sys.modules[package], name, sys.modules.setdefault(_TO_C, module))


def _import(
    name: str,
    globals_: dict[str, object] | None = None,
    locals_: dict[str, object] | None = None,
    fromlist: tuple[str, ...] = (),
    level: int = 0,
) -> ModuleType:
    """Imports a module as that one module sees it."""
    if name == "cffi":
        raise ModuleNotFoundError("left out, for a sooner start", name=name)
    if name == "ctypes.util" and fromlist == ("find_library",) and name not in sys.modules:
        found = ModuleType(name)
        found.find_library = _find_library  # type: ignore[attr-defined]
        return found
    return builtins.__import__(name, globals_, locals_, fromlist, level)


def _find_library(name: str) -> str | None:
    found: str | None = import_module("ctypes.util").find_library(name)
    return found


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
