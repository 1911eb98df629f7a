"""The `lmdecode` command."""

from __future__ import annotations

import _signal  # built in; the module signal takes 5 ms to load
import sys

# Until the command's own code runs, Ctrl-C ends the process as the system does it, in silence. Python's handler raises
# KeyboardInterrupt in whatever module is being loaded, which shows a traceback, or is lost where somebody catches all.
# What Python does before this line, about 15 ms, still has Python's handler: nothing of ours runs by then. A handler
# that is not Python's own is somebody's wish (nohup, `&` in a script), and a program that imports this keeps its own.
_is_program = __name__ == "__main__" or "lmdecode" in "".join(sys.argv[:1]).replace("\\", "/").rpartition("/")[2]
if _is_program and _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

import contextlib
import gc
import os
from io import TextIOWrapper

from lmdecode import __version__
from lmdecode._parts import is_off
from lmdecode._startup import end_at_once, load_cipher

TYPE_CHECKING = False  # the module typing is not needed to print the version
if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_TERMINATED = 143  # 128 + SIGTERM


def run() -> None:
    """Runs the command line as the whole process, and ends it."""
    code: int | str | None = None
    try:
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        finally:
            _leave_interrupts_to_the_system()
    except KeyboardInterrupt:  # between the last line of the command and here
        code = _INTERRUPTED
    end_at_once(code)
    raise SystemExit(code)


def main() -> None:
    """Runs the command line. Whatever happens, there is no traceback: an error is one line on stderr."""
    if sys.stdout is None or sys.stderr is None:  # closed by whoever started us
        raise SystemExit("lmdecode: nothing can be written: standard output is closed" if sys.stderr else 1)
    _signal.signal(_signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ° shows ? for it
    # pyarrow loads numpy, which starts a thread for each core; where memory is short, they fail with a raised SIGINT.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        if _is_answered_at_once():
            return
        run_command = _loaded(sys.argv[1:])
        if _signal.getsignal(_signal.SIGINT) is _signal.SIG_DFL:
            _signal.signal(_signal.SIGINT, _signal.default_int_handler)  # from here on it is a KeyboardInterrupt
        run_command()
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise SystemExit(_ended_by(error)) from None
        sys.stderr.write(f"lmdecode: standard output cannot be written: {error.strerror}\n")
        raise SystemExit(1) from None
    except Exception as error:  # noqa: BLE001 -- the last place that can turn an error into a line
        raise SystemExit(_ended_by(error)) from None
    except KeyboardInterrupt as error:
        raise SystemExit(_ended_by(error)) from None


def _loaded(arguments: list[str]) -> Callable[[], object]:
    """Loads the command that a command line names, and returns what runs it."""
    if _is_program:
        gc.disable()  # what is loaded stays, and to look for cycles in it takes a thirtieth of the start
    load_cipher()
    from lmdecode.cli._common.terminal import guard_terminals  # noqa: PLC0415 -- see above

    guard_terminals()
    _catch_what_nobody_catches()
    command = _plain(arguments) or _of_typer(arguments)
    if _is_program:
        gc.freeze()  # the collector leaves alone what was made until now
        gc.enable()
    return command


def _plain(arguments: list[str]) -> Callable[[], object] | None:
    if arguments[:1] != ["decode"] or is_off("startup"):
        return None
    from lmdecode.cli._common.plain import plain_command  # noqa: PLC0415 -- see above

    return plain_command(arguments)


def _of_typer(arguments: list[str]) -> Callable[[], object]:
    from lmdecode.cli.app import make_app  # noqa: PLC0415 -- see above

    app = make_app(arguments)
    return lambda: app(prog_name="lmdecode")


def _is_answered_at_once() -> bool:
    """Whether no command is wanted, but the version, or what a shell asks that completes a command line."""
    if sys.argv[1:] == ["--version"]:  # answered before the parser is loaded, which takes ten times as long
        print(f"lmdecode {__version__}", flush=True)  # noqa: T201 -- the output of --version
        return True
    asked = os.environ.get("_LMDECODE_COMPLETE", "")
    if not asked or asked.startswith("complete_"):  # a script of Typer's, which answers it
        return False
    from lmdecode.cli._common.answers import answer  # noqa: PLC0415 -- hardly ever

    answer()
    return True


def _ended_by(error: BaseException) -> int:
    """Says what ended the command, and returns the exit code."""
    try:
        from lmdecode.cli._common.errors import exit_code_of  # noqa: PLC0415 -- only errors need it

        return exit_code_of(error)
    except BaseException:  # noqa: BLE001 -- no memory to say it with, a second Ctrl-C, or stderr is gone as well
        why = b"interrupted" if isinstance(error, KeyboardInterrupt) else b"memory ran out, or nothing can be written"
        with contextlib.suppress(OSError, MemoryError):
            os.write(2, b"lmdecode: " + why + b"\n")
        return _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1


def _catch_what_nobody_catches() -> None:
    """Makes one line of errors that Python would show with a traceback: in threads, and where nobody can catch them."""
    import threading  # noqa: PLC0415 -- see above

    sys.unraisablehook = _note_unraisable
    threading.excepthook = _note_in_thread


def _note_unraisable(error: sys.UnraisableHookArgs) -> None:
    if isinstance(error.exc_value, KeyboardInterrupt):  # it came while an object was taken apart: once more, then
        import _thread  # noqa: PLC0415 -- hardly ever

        _thread.interrupt_main()
    elif error.exc_value is not None and not isinstance(error.exc_value, MemoryError):
        _ended_by(error.exc_value)


def _note_in_thread(error: threading.ExceptHookArgs) -> None:
    if error.exc_value is not None and not isinstance(error.exc_value, SystemExit):
        _ended_by(error.exc_value)


def _leave_interrupts_to_the_system() -> None:
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler and _is_program:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


def _terminate(*_: object) -> None:
    sys.exit(_TERMINATED)  # so that what is half done is cleaned up


if __name__ == "__main__":
    run()
