"""The plainest command lines of all, understood without Typer: `decode`, captures, keys, a config, a format, an output.

To load Typer and to make the parser of one command takes a third of the start of a command. Most calls of `decode` in
scripts need nothing of it: each word is an option that is known, its value, or a capture. These are read here, and the
command then does what it does for Typer, by the same function. Whatever else a command line has (another option, a word
that begins with a dash, help, a file that cannot be read) is left to Typer, which says what is wrong with it.

A test compares what both understand, for command lines put together at random.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from lmdecode.app.asked import Asked
from lmdecode.cli._common.decoding import FORMATS, decode_captures
from lmdecode.cli._common.errors import exit_code_of
from lmdecode.render.records import format_named

_COMMAND: Final = "decode"
_NAMES: Final = {
    "--key": "key",
    "-k": "key",
    "--config": "config",
    "-c": "config",
    "--format": "format",
    "-f": "format",
    "--output": "output",
    "-o": "output",
}
_JSON: Final = "--json"


class Plain(NamedTuple):
    """What a command line says."""

    captures: tuple[Path, ...]
    keys: tuple[str, ...]
    config: Path | None
    format: str | None
    as_json: bool
    output: Path | None


def understood(arguments: Sequence[str]) -> Plain | None:
    """Returns what a plain command line says. Returns None if the command line is not plain.

    >>> understood(["decode", "a.pcap", "--key", "abc"])
    Plain(captures=(PosixPath('a.pcap'),), keys=('abc',), config=None, format=None, as_json=False, output=None)
    >>> understood(["decode", "a.pcap", "--join"])
    """
    if arguments[:1] != [_COMMAND] or os.name != "posix":  # on Windows, Typer looks for the files of a pattern
        return None
    captures: list[Path] = []
    values: dict[str, list[str]] = {"key": [], "config": [], "format": [], "output": []}
    as_json = False
    words = iter(arguments[1:])
    for word in words:
        if word == _JSON:
            as_json = True
        elif name := _NAMES.get(word):
            values[name].append(next(words, ""))
        else:
            captures.append(Path(word) if word else Path())
            values.setdefault("capture", []).append(word)
    given = [text for texts in values.values() for text in texts]
    if not captures or any(not text or text[0] == "-" for text in given):
        return None
    if any(len(values[name]) > 1 for name in ("config", "format", "output")):
        return None
    config, named, output = (next(iter(values[name]), None) for name in ("config", "format", "output"))
    if named is not None and (named not in FORMATS.names or format_named(named).of_packets):
        return None
    files = [*captures, *(Path(path) for path in (config, output) if path is not None)]
    if any(os.path.lexists(path) and not os.access(path, os.R_OK) for path in files):
        return None
    return Plain(
        tuple(captures),
        tuple(values["key"]),
        None if config is None else Path(config),
        named,
        as_json,
        None if output is None else Path(output),
    )


def plain_command(arguments: Sequence[str]) -> Callable[[], None] | None:
    """Returns a function that runs a plain command line. Returns None if the command line is not plain."""
    plain = understood(arguments)
    return None if plain is None else lambda: run(plain)


def run(plain: Plain) -> None:
    """Runs a command line, as `reports_errors` and Typer would.

    Raises:
        SystemExit: The command failed.
    """
    asked = Asked(keys=plain.keys, config=plain.config)
    try:
        failed = decode_captures(plain.captures, asked, format=plain.format, as_json=plain.as_json, output=plain.output)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 -- no traceback, whatever it is
        raise SystemExit(exit_code_of(error)) from None
    if failed:
        raise SystemExit(1)
