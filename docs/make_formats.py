"""Write the tables of formats in docs/how-to/formats.md. `make docs` runs it; a test sees to it that it was run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from lmdecode.capture.formats import formats
from lmdecode.capture.formats._foreign import BINARY, TEXTS

PAGE: Final = Path(__file__).with_name("how-to") / "formats.md"
READ: Final = "<!-- The formats that are read: made by `make docs` from lmdecode/capture/formats; change it there. -->"
REFUSED: Final = (
    "<!-- The files that are refused: made by `make docs` from lmdecode/capture/formats; change it there. -->"
)
END: Final = "<!-- The end of this table. -->"


def _cell(text: str) -> str:
    """A cell; what stands in capitals for a file would else begin a tag or a column."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, cells))} |".replace("|  |", "| |") for cells in lines)


def _read() -> str:
    return _table(
        ("format", "written by", "what it lacks"), ((each.name, each.written_by, each.lacks) for each in formats())
    )


def _refused() -> str:
    return _table(("what the file is", "what to do"), ((each.what, each.advice) for each in (*BINARY, *TEXTS)))


def page(text: str) -> str:
    """The page with its tables as they should be.

    Args:
        text: The page.
    """
    for begin, table in ((READ, _read()), (REFUSED, _refused())):
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(END)
        text = f"{before}{begin}\n\n{table}\n\n{END}{after}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
