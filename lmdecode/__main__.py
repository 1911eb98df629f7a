"""The `lmdecode` command."""

from __future__ import annotations

import sys

from lmdecode import __version__

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] == ["--version"]:  # answered before the parser is loaded, which takes ten times as long
        sys.stdout.write(f"lmdecode {__version__}\n")
        return
    from lmdecode.cli.app import app  # noqa: PLC0415 -- see above

    app(prog_name="lmdecode")


if __name__ == "__main__":
    main()
