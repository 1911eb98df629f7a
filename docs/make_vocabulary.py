"""Write docs/reference/names-*.md from the vocabulary. `make docs` runs it; a test sees to it that it was run.

Rows that differ in a number only are one row of a page: `Dose*` stands for DoseA to DoseD.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from lmdecode.codec.speakers import dialects
from lmdecode.codec.vocabulary import FORMS, SOURCES, Row, rows
from lmdecode.codec.vocabulary_words import DAYS
from lmdecode.render.vocabulary_list import as_markdown

FOLDER: Final = Path(__file__).with_name("reference")
_ELSEWHERE: Final[Mapping[tuple[str, str], str]] = {
    ("bluetooth", "stream"): "v3",
    ("cloud1", "configuration"): "v3",
}
"""The documents of a dialect that are on another one's page."""
_COPIES: Final = ("MachineConfiguration.",)
_ABOUT: Final[Mapping[str, str]] = {
    "v3": """
What gateways v2 and v3 say on TCP port 8081: the configuration on request, and a stream of texts. JSON text within a
string is read as if it were JSON; `MachineConfiguration` in the stream holds the whole configuration so.
""",
    "bluetooth": """
What apps and machines say by Bluetooth: reads and writes of JSON, and notifications with the names of the gateways'
stream.
""",
    "cloud1": """
What the maker's first cloud said, from 2019 to 2025. The configuration is that of the gateway.
""",
    "lion": """
What the maker's cloud of today says. **It has no measured temperature**: each temperature on this page is a target.
`readyStartTime` and `nextStatus` are predictions.
""",
}
_NUMBERS: Final = (
    (re.compile(r"\bDose[ABCD]\b"), "Dose*"),
    (re.compile(r"_K\d\b"), "_K*"),
    (re.compile(rf"\b({'|'.join((*DAYS, *map(str.upper, DAYS)))})\b"), "DAY"),
    (re.compile(r"(?<=coffeeType=)[0-3]\b"), "0…3"),
)
_NAMES: Final = (
    (re.compile(r"_k\d\b"), "_k*"),
    (re.compile(rf"\b({'|'.join(DAYS.values())})_"), "DAY_"),
)


def pages() -> dict[Path, str]:
    """Return the pages as they should be."""
    return {FOLDER / f"names-{name}.md": _page(name) for name in _ABOUT}


def _page(name: str) -> str:
    return "\n".join([_head(name), *(_section(name, source) for source, by in SOURCES.items() if name in by)])


def _head(name: str) -> str:
    return f"""# Names of {name}

<!-- Made by `make docs` from lmdecode/codec/vocabulary_*.py; change them there. -->
{_ABOUT[name]}
The same in a terminal: `lmdecode registers --generation {name}`, and `lmdecode registers NAME` with a name of ours or
of the maker's. A path leads through members and items: `boilers[id=CoffeeBoiler1].target` is the member `target` of
the item whose `id` is `CoffeeBoiler1`. `Dose*` stands for DoseA to DoseD, `k*` for k1 to k4, and `DAY` for each day.
*seen*, *claimed* and *inferred* say how sure a row is: seen in a recording, said by a public source, or our reading.

What has no row is kept whole in `extra`, and so are rows without a name; a value that tells a reader nothing is only in
the message's text. A second boiler or group is kept in `extra` too.
"""


def _section(name: str, source: str) -> str:
    title = f"## {source[:1].upper()}{source[1:]}\n\nThe document is {FORMS[source]}.\n"
    if page := _ELSEWHERE.get((name, source)):
        return f"{title}\nIts names are on [the page of {page}](names-{page}.md#{source}).\n"
    found = _collapsed([row for row in rows() if row.source == source and not row.path.startswith(_COPIES)])
    shown = [row for row in found if not row.aside]
    aside = sorted({f"`{row.path.rpartition('.')[2]}`" for row in found if row.aside})
    text = f"{title}\n{as_markdown(shown, with_document=False)}"
    return (
        f"{text}\nWhere no row above has them, these members are only in the text: {', '.join(aside)}.\n"
        if aside
        else text
    )


def _collapsed(found: Sequence[Row]) -> list[Row]:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in found:
        groups.setdefault((_with(_NUMBERS, row.path), _with(_NAMES, row.name or "")), []).append(row)
    return list(_joined(groups))


def _joined(groups: Mapping[tuple[str, str], Sequence[Row]]) -> Iterator[Row]:
    for (path, name), same in groups.items():
        first = next((row for row in same if row.note), same[0])
        yield replace(first, path=path, name=name or None) if len(same) > 1 else same[0]


def _with(patterns: Sequence[tuple[re.Pattern[str], str]], text: str) -> str:
    for pattern, instead in patterns:
        text = pattern.sub(instead, text)
    return text


if __name__ == "__main__":
    if missing := dialects().keys() - _ABOUT.keys() - {"v1"}:
        raise SystemExit(f"docs/make_vocabulary.py says nothing about {', '.join(sorted(missing))}")
    for file, text in pages().items():
        file.write_text(text, encoding="utf-8")
