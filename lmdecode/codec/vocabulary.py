"""The vocabulary: every name in the JSON of the newer generations that is known, once, with what it means.

It is to JSON what the memory map is to v1: one row for each place where a value may stand, with our name for it, its
type, its unit, and how sure we are. Several places may have one name, since the gateways, both clouds and Bluetooth say
the same things in other words. Nothing but these rows decides what a JSON value means.

- `source` is the kind of document: see `SOURCES`.
- `path` is where the value stands in it: `boilers[id=CoffeeBoiler1].target`. A list takes `[0]` for an index, `[]` for
  all of its items, `[name=value]` or `[name=value,name=value]` for the items whose members have these values. JSON
  text within a string is read as if it were JSON: the gateways wrap it so.
- A row without a name is about a value that no field can have: a list of objects, or a value that tells a reader
  nothing. The first kind is kept whole in the Record's `extra`; the second, marked `aside`, only in its plaintext.

What has no row at all is kept whole in `extra`, under its path, since the maker adds names without a word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Final, NamedTuple

from lmdecode.codec.confidence import Confidence
from lmdecode.codec.dialect import FieldKind
from lmdecode.codec.json_types import JsonFieldType
from lmdecode.codec.record import Value

SOURCES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "stream": ("v3", "bluetooth"),
        "configuration": ("v3", "cloud1"),
        "status": ("cloud1",),
        "account": ("cloud1",),
        "counters": ("cloud1",),
        "firmware": ("cloud1",),
        "command": ("cloud1",),
        "thing": ("lion",),
        "widget": ("lion",),
        "push": ("lion",),
        "settings": ("lion",),
        "scheduling": ("lion",),
        "statistics": ("lion",),
        "lion command": ("lion",),
        "read": ("bluetooth",),
        "write": ("bluetooth",),
    }
)
"""The kinds of documents, and the dialects that speak them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A place in a kind of document, and what stands there."""

    source: str
    path: str
    name: str | None
    """The field's name; None if the value makes no field."""
    type: JsonFieldType | None
    """None exactly if there is no name."""
    sure: Confidence
    unit: str | None = None
    note: str = ""
    aside: bool = False
    """Whether a value without a name is left to the plaintext, because it says nothing to a reader."""


@cache
def rows() -> tuple[Row, ...]:
    """Return all rows, in the order of the files that have them."""
    from lmdecode.codec import vocabulary_rows  # noqa: PLC0415 -- the rows need this module

    return tuple(vocabulary_rows.all_rows())


@cache
def fields_of(dialect: str) -> Mapping[str, FieldKind]:
    """Return the fields that Records of a dialect can have."""
    found: dict[str, FieldKind] = {}
    for row in rows():
        if row.name is not None and row.type is not None and dialect in SOURCES[row.source]:
            found.setdefault(row.name, FieldKind(row.type.json, row.type.words, open=True))
    return MappingProxyType(found)


class Reading(NamedTuple):
    """What a document says."""

    fields: dict[str, Value]
    extra: dict[str, object]
    """What makes no field, whole, by its path."""
    problems: tuple[str, ...]
    """Values that a row which was seen cannot have."""


@dataclass(slots=True)
class _Node:
    """What the rows of a source say about one place and those below it."""

    rows: list[Row] = field(default_factory=list)
    members: dict[str, _Node] = field(default_factory=dict)
    items: list[tuple[tuple[tuple[str, str], ...] | int | None, _Node]] = field(default_factory=list)
    """For each pattern of items - members with values, an index, or None for all - what is below them."""

    @property
    def is_leaf(self) -> bool:
        return not self.members and not self.items


_STEP: Final = re.compile(r"([^.\[\]]+)|\[([^\[\]]*)\]")


@cache
def _tree(source: str) -> _Node:
    root = _Node()
    for row in rows():
        if row.source == source:
            _place(root, row.path).rows.append(row)
    return root


def _place(node: _Node, path: str) -> _Node:
    for member, item in _STEP.findall(path):
        if member:
            node = node.members.setdefault(member, _Node())
            continue
        pattern: tuple[tuple[str, str], ...] | int | None = None
        if item.isdigit():
            pattern = int(item)
        elif item:
            pattern = tuple((name, value) for name, _, value in (each.partition("=") for each in item.split(",")))
        known = next((each for each in node.items if each[0] == pattern), None)
        if known is None:
            known = (pattern, _Node())
            node.items.append(known)
            node.items.sort(key=lambda each: each[0] is None)  # what fits all comes last
        node = known[1]
    return node


def read(source: str, value: object) -> Reading:
    """Return what a document says, in our names and units.

    Args:
        source: The kind of the document.
        value: The JSON value.

    >>> read("stream", {"CoffeeBoiler1UpdateTemperature": 95.0, "NewThing": [1]}).fields
    {'coffee_temp': 95.0}
    """
    reading = Reading({}, {}, ())
    problems: list[str] = []
    _walk(_tree(source), value, "", reading, problems)
    return reading._replace(problems=tuple(problems))


def _walk(  # noqa: C901, PLR0912 -- one question after another
    node: _Node, value: object, path: str, reading: Reading, problems: list[str]
) -> None:
    if value is None and (node.rows or not node.is_leaf):
        return
    for row in node.rows:
        _take(row, value, path, reading, problems)
    if node.is_leaf:
        if not node.rows and not path and isinstance(value, dict):
            reading.extra.update(value)  # a source that has no row yet
        elif not node.rows:
            reading.extra[path or "value"] = value
        return
    if isinstance(value, str) and value.strip()[:1] in {"{", "["}:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            problems.append(f"{path}: the JSON text in it cannot be read")
    if isinstance(value, dict) and node.members:
        for name, each in value.items():
            below = node.members.get(name)
            where = f"{path}.{name}" if path else name
            if below is None:
                reading.extra[where] = each
            else:
                _walk(below, each, where, reading, problems)
    elif isinstance(value, list) and node.items:
        for index, each in enumerate(value):
            _walk_item(node, index, each, f"{path}[{index}]", reading, problems)
    elif not node.rows:
        reading.extra[path or "value"] = value


def _walk_item(  # noqa: PLR0917 -- as `_walk`, and the index
    node: _Node, index: int, value: object, path: str, reading: Reading, problems: list[str]
) -> None:
    for pattern, below in node.items:
        if pattern is None or pattern == index:
            _walk(below, value, path, reading, problems)
            return
        if (
            not isinstance(pattern, int)
            and isinstance(value, dict)
            and all(str(value.get(name)) == wanted for name, wanted in pattern)
        ):
            rest = {name: each for name, each in value.items() if name not in dict(pattern)}
            _walk(below, rest, path, reading, problems)
            return
    reading.extra[path] = value


def _take(row: Row, value: object, path: str, reading: Reading, problems: list[str]) -> None:
    if row.name is None or row.type is None:
        if not row.aside:
            reading.extra[path] = value
        return
    try:
        reading.fields[row.name] = row.type.read(value)
    except (ValueError, TypeError, OverflowError) as error:
        reading.extra[path] = value
        if row.sure is Confidence.SEEN:
            problems.append(f"{path} {error}, so it is no {row.name}")


def by_name(found: Iterable[Row]) -> Iterator[tuple[str, Sequence[Row]]]:
    """Yield each field's name with its rows."""
    named: dict[str, list[Row]] = {}
    for row in found:
        if row.name is not None:
            named.setdefault(row.name, []).append(row)
    yield from named.items()
