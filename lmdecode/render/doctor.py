"""What the doctor found, for people: a line for each thing, and the command that mends it on a line of its own."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap
from typing import Final, Protocol

from rich.text import Text

from lmdecode.render.terminal import TerminalConsole

_STYLES: Final = {"ok": "green", "missing": "yellow", "broken": "bold red", "note": "dim"}
_STATE: Final = max(map(len, _STYLES)) + 2
_WIDEST: Final = 110  # columns; longer lines are hard to read


class Finding(Protocol):
    """One thing: its name, how it is, what was found, and the command that mends it."""

    @property
    def name(self) -> str: ...  # noqa: D102 -- see above
    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def command(self) -> str: ...  # noqa: D102


def print_findings(groups: Iterable[tuple[str, Iterable[Finding]]], console: TerminalConsole) -> None:
    """Prints findings, in groups with titles.

    What is found is broken into lines of whole words. Addresses and commands are not broken, so they can be copied.
    """
    listed = [(title, list(findings)) for title, findings in groups]
    names = max((len(finding.name) for _, findings in listed for finding in findings), default=0) + 2
    width = min(console.width, _WIDEST) - 2 - _STATE - names
    for number, (title, findings) in enumerate(listed):
        if number:
            console.print()
        console.print(Text(title, "bold"))
        for finding in findings:
            head = Text("  ")
            head.append(finding.state.ljust(_STATE), _STYLES[finding.state]).append(finding.name.ljust(names))
            for line in wrap(finding.text, width, break_long_words=False, break_on_hyphens=False) or [""]:
                console.print(head.append(line), soft_wrap=True)
                head = Text(" " * (2 + _STATE + names))
            if finding.command:
                console.print(Text(f"{' ' * (2 + _STATE)}{finding.command}", "cyan"), soft_wrap=True)
