"""The lines that commands print: for people without anything that a terminal obeys, for programs as they are."""

from __future__ import annotations

import json
import os
import sys

from lmdecode.codec.printable import printable


def echo(*lines: str, err: bool = False) -> None:
    """Prints lines for people, on stdout or stderr. A line end inside of one is escaped: nobody forges a line."""
    _print("\n".join(map(printable, lines)), err=err)


def echo_json(value: object, *, indent: int | None = None, ascii_only: bool = False) -> None:
    """Prints a value as JSON on stdout, for programs."""
    _print(json.dumps(value, ensure_ascii=ascii_only, indent=indent), err=False)


def _print(text: str, *, err: bool) -> None:
    """Prints a text without escape sequences. Of odd streams, and of Windows, Typer knows more."""
    stream = sys.stderr if err else sys.stdout
    if os.name == "posix" and getattr(stream, "encoding", "") == "utf-8":
        stream.write(f"{text}\n")
        stream.flush()
        return
    import typer

    typer.echo(text, err=err)  # noqa: TID251 -- the one place
