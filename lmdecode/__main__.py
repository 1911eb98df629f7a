"""The `lmdecode` command."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from importlib import import_module
from io import TextIOWrapper

from lmdecode import __version__

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_TERMINATED = 143  # 128 + SIGTERM
_MONITORS = 6  # that Python's monitoring knows


def run() -> None:
    """Be the process that runs the command line, and end at once when that is over.

    Python would first take apart all that it holds, piece by piece, for a tenth of the time of a short command.
    """
    code: int | str | None = None
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    # Python says itself what it cannot write; other threads and profilers have something to do at the end.
    if not isinstance(code, str) and threading.active_count() == 1 and not _is_observed():
        with contextlib.suppress(OSError):
            for stream in filter(None, (sys.stdout, sys.stderr)):
                stream.flush()
            os._exit(code or 0)
    raise SystemExit(code)


def _is_observed() -> bool:
    """Whether a profiler, a debugger or a measurement of coverage runs."""
    monitoring = getattr(sys, "monitoring", None)  # since Python 3.12
    tools = map(monitoring.get_tool, range(_MONITORS)) if monitoring else ()
    return any((sys.getprofile(), sys.gettrace(), *tools))


def main() -> None:
    """Run the command line. Whatever happens, no traceback: an error is one line on stderr."""
    if sys.stdout is None or sys.stderr is None:  # closed by whoever started us
        raise SystemExit("lmdecode: there is nowhere to write to: standard output is closed" if sys.stderr else 1)
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ° shows ? for it
    try:
        if sys.argv[1:] == ["--version"]:  # answered before the parser is loaded, which takes ten times as long
            print(f"lmdecode {__version__}", flush=True)  # noqa: T201 -- that is what is asked for
            return
        _load_cipher()
        from lmdecode.cli.app import make_app  # noqa: PLC0415 -- see above

        make_app(sys.argv[1:])(prog_name="lmdecode")
    except KeyboardInterrupt:
        sys.stderr.write("lmdecode: interrupted\n")
        raise SystemExit(_INTERRUPTED) from None
    except OSError as error:
        sys.stderr.write(f"lmdecode: standard output cannot be written: {error.strerror}\n")
        raise SystemExit(1) from None


def _load_cipher() -> None:
    """Load pycryptodome by the shorter way, which saves a fifth of the time that a command takes to start.

    Where cffi is installed, as it is with mitmproxy, pycryptodome reaches its C code through it, else through ctypes.
    For that it has the command `file` look at Python, and of what that says it only wants to know if this is Windows.
    Nothing else runs yet that might want cffi meanwhile, so this is no business of the codec's.
    """
    if "cffi" in sys.modules:
        return
    sys.modules["cffi"] = None  # type: ignore[assignment]  # which is how to say that there is none
    try:
        if sys.platform != "win32":
            getattr(import_module("Crypto.Util._raw_api"), "cached_architecture", [])[:] = ["", ""]
        import_module("Crypto.Cipher.AES")
    finally:
        sys.modules.pop("cffi", None)


def _terminate(*_: object) -> None:
    sys.exit(_TERMINATED)  # so that what is half done is cleaned up


if __name__ == "__main__":
    run()
