"""The output formats of a command: its options for them, and which one is meant.

Typer is loaded only for the options: a plain `decode` does without; see `plain`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmdecode.app.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, eq=False)
class Formats:
    """The formats of a command: its option `--format`, the flag `--json` that stands for one of them, and the default.

    Args:
        names: The formats.
        piped: The default where stdout is not a terminal.
        shown: The default on a terminal.
    """

    names: tuple[str, ...]
    piped: str
    shown: str = "table"

    @property
    def json(self) -> str:
        """The JSON of the command: `jsonl` or `json`."""
        return next(name for name in self.names if name in {"json", "jsonl"})

    def option(self) -> Any:  # noqa: ANN401 -- Typer calls it so
        """Returns the option `--format`."""
        import typer

        default = f"Default: {self.shown} on a terminal, {self.piped} otherwise." if self.piped != self.shown else ""
        return typer.Option(
            "--format",
            "-f",
            parser=self._parsed,
            metavar=f"[{'|'.join(self.names)}]",
            autocompletion=lambda: list(self.names),
            help=default or f"The output format. [default: {self.shown}]",
            show_default=False,
        )

    def json_option(self) -> Any:  # noqa: ANN401 -- Typer calls it so
        """Returns the flag `--json`."""
        import typer

        return typer.Option("--json", help=f"Short for --format {self.json}.")

    def chosen(self, asked: str | None, *, as_json: bool, output: Path | None) -> str:
        """Returns the format to write: the one that is asked for, else what the name of the file ends in.

        Args:
            asked: The value of `--format`.
            as_json: Whether `--json` was given.
            output: The file to write to; None for stdout.

        Raises:
            UsageError: The two options contradict each other.
        """
        if as_json and asked not in {None, self.json}:
            raise UsageError(f"--json is --format {self.json}, which is not --format {asked}: give one of them")
        if as_json or asked is not None:
            return asked or self.json
        ending = "" if output is None else output.suffix[1:].lower()
        if ending in {"json", "jsonl", "ndjson"} and {"json", "jsonl"} & {*self.names}:
            return self.json
        if ending in self.names:
            return ending
        return self.shown if output is None and sys.stdout.isatty() else self.piped

    def _parsed(self, text: str) -> str:
        """Returns the name of a format. `json` and `jsonl` are the same where a command has only one of them."""
        name = text.lower()
        if name in self.names:
            return name
        if name in {"json", "jsonl"}:
            return self.json
        from difflib import get_close_matches

        import typer

        near = get_close_matches(name, self.names, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise typer.BadParameter(f"{text[:40]!r} is not one of {', '.join(self.names)}{hint}")
