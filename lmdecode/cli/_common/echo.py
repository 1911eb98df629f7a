"""The lines that commands print: for people without anything that a terminal obeys, for programs as they are."""

from __future__ import annotations

import json

import typer

from lmdecode.codec.printable import printable


def echo(*lines: str, err: bool = False) -> None:
    """Prints lines for people, on stdout or stderr. A line end inside of one is escaped: nobody forges a line."""
    typer.echo("\n".join(map(printable, lines)), err=err)  # noqa: TID251 -- the one place


def echo_json(value: object, *, indent: int | None = None, ascii_only: bool = False) -> None:
    """Prints a value as JSON on stdout, for programs."""
    typer.echo(json.dumps(value, ensure_ascii=ascii_only, indent=indent))  # noqa: TID251 -- and this for JSON
