"""The `lmdecode` command."""

from __future__ import annotations

import signal
import sys
from io import TextIOWrapper

from lmdecode import __version__
from lmdecode._startup import end_at_once, load_cipher

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_TERMINATED = 143  # 128 + SIGTERM


def run() -> None:
    """Runs the command line as the whole process, and ends it."""
    code: int | str | None = None
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    end_at_once(code)
    raise SystemExit(code)


def main() -> None:
    """Runs the command line. Whatever happens, there is no traceback: an error is one line on stderr."""
    if sys.stdout is None or sys.stderr is None:  # closed by whoever started us
        raise SystemExit("lmdecode: nothing can be written: standard output is closed" if sys.stderr else 1)
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ° shows ? for it
    try:
        if sys.argv[1:] == ["--version"]:  # answered before the parser is loaded, which takes ten times as long
            print(f"lmdecode {__version__}", flush=True)  # noqa: T201 -- the output of --version
            return
        load_cipher()
        from lmdecode.cli.app import make_app  # noqa: PLC0415 -- see above

        make_app(sys.argv[1:])(prog_name="lmdecode")
    except KeyboardInterrupt:
        sys.stderr.write("lmdecode: interrupted\n")
        raise SystemExit(_INTERRUPTED) from None
    except OSError as error:
        sys.stderr.write(f"lmdecode: standard output cannot be written: {error.strerror}\n")
        raise SystemExit(1) from None


def _terminate(*_: object) -> None:
    sys.exit(_TERMINATED)  # so that what is half done is cleaned up


if __name__ == "__main__":
    run()
