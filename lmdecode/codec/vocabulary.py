"""The vocabulary: every name in the JSON of the newer generations that is known, once, with what it means.

It is to JSON what the memory map is to v1: one row for each place where a value may stand, with our name for it, its
type, its unit, and how sure we are. Several places may have one name, since the gateways, both clouds and Bluetooth say
the same things in other words. Nothing but these rows decides what a JSON value means.

- `source` is the kind of document: see `SOURCES`.
- `path` is where the value stands in it: `boilers[id=CoffeeBoiler1].target`. A list takes `[0]` for an index, `[]` for
  all of its items, `[name=value]` or `[name=value,name.name=value]` for the items whose members have these values. The
  strictest of several decides: `[mode=TypeB,doseType=DoseA]` before `[doseType=DoseA]` before `[0]` before `[]`. An
  object takes conditions too, where the meaning of a member depends on a member beside it:
  `preinfusionSettings[mode=TypeB].Group1`. JSON text within a string is read as if it were JSON: the gateways wrap it
  so.
- A row without a name is about a value that no field can have: a list of objects, or a value that tells a reader
  nothing. The first kind is kept whole in the Record's `extra`; the second, marked `aside`, only in its plaintext.

What has no row at all is kept whole in `extra`, under its path, since the maker adds names without a word. So is what
cannot be a value of its row, and a value that contradicts one which the same document has already given to a name. A
null says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from lmdecode.codec.confidence import Confidence
from lmdecode.codec.dialect import FieldKind
from lmdecode.codec.json_types import JsonFieldType
from lmdecode.codec.vocabulary_tree import Node, Part, Reading, Trace, Walk, tree_of

__all__ = [
    "FORMS",
    "SOURCES",
    "Part",
    "Reading",
    "Row",
    "by_name",
    "fields_of",
    "likely_source",
    "parts",
    "read",
    "rows",
]

SOURCES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "stream": ("v3", "bluetooth"),
        "configuration": ("v3", "cloud1"),
        "status": ("cloud1",),
        "account": ("cloud1",),
        "counters": ("cloud1",),
        "daily": ("cloud1",),
        "firmware": ("cloud1",),
        "command": ("cloud1",),
        "command answer": ("cloud1",),
        "thing": ("lion",),
        "widget": ("lion",),
        "push": ("lion",),
        "settings": ("lion",),
        "scheduling": ("lion",),
        "statistics": ("lion",),
        "update": ("lion",),
        "lion command": ("lion",),
        "read": ("bluetooth",),
        "write": ("bluetooth",),
        "write answer": ("bluetooth",),
    }
)
"""The kinds of documents, and the dialects that speak them."""

FORMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "stream": "a text of the stream, or a notification: an object, or a list of objects with one member each",
        "configuration": "the answer to `GET /api/v1/config`; in the first cloud, its `data`",
        "status": "`data` of `GET …/status`",
        "account": "`data` of `GET /api/customer`",
        "counters": "`data` of `GET …/statistics/counters`",
        "daily": "`data` of `GET …/statistics/daily`",
        "firmware": "`data` of `GET …/firmware/`",
        "command": "the body of a command, as a member by the last part of its path",
        "command answer": "`data` of the answer to a command, and of the query how it went",
        "thing": "the head of every answer about a machine",
        "widget": "the widgets of a machine, each as a member by its code, with its `output`",
        "push": "a message of the dashboard, without its widgets; the answer to a command, in `commands`",
        "settings": "the answer to `GET …/settings`",
        "scheduling": "the answer to `GET …/scheduling`, and its push",
        "statistics": "the widgets of `GET …/stats`, each as a member by its code, with its `output`",
        "update": "the answers to `update-fw`",
        "lion command": "the body of a command, as a member by its name",
        "read": "the answer to a read of 0a0b, as a member by the name that was asked for",
        "write": "what is written to 0b0b",
        "write answer": "what 0b0b answers",
    }
)
"""What the document of each kind is."""


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


@cache
def _tree(source: str) -> Node:
    return tree_of(row for row in rows() if row.source == source)


def read(source: str, value: object) -> Reading:
    """Return what a document says, in our names and units. It never raises, whatever the value is.

    Args:
        source: The kind of the document.
        value: The JSON value.

    >>> read("stream", {"CoffeeBoiler1UpdateTemperature": 95.0, "NewThing": [1]})
    Reading(fields={'coffee_temp': 95.0}, extra={'NewThing': [1]}, problems=())
    """
    return Walk(_tree(source)).read(value)


def parts(source: str, value: object) -> list[Part]:
    """Return each place in a document, in its order, with the row that says what stands there, if one does.

    Args:
        source: The kind of the document.
        value: The JSON value.

    >>> [(part.path, part.row and part.row.name) for part in parts("stream", {"CoffeeBoiler1UpdateTemperature": 95.0})]
    [('CoffeeBoiler1UpdateTemperature', 'coffee_temp')]
    """
    trace = Trace(_tree(source))
    trace.read(value)
    return trace.parts


def likely_source(value: object, among: Sequence[str] = tuple(SOURCES)) -> str:
    """Return the kind that a document is likely to be: that whose rows know most of its places.

    Args:
        value: The JSON value of the document.
        among: The kinds that it may be of; where several know as much, the first of them.

    >>> likely_source({"CoffeeBoiler1UpdateTemperature": 95.0}), likely_source({"CMNoWater": {"allarm": True}})
    ('stream', 'widget')
    """

    def known(source: str) -> tuple[int, int]:
        found = parts(source, value)
        return sum(part.row is not None for part in found), -len(found)

    return max(among, key=known)


def by_name(found: Iterable[Row]) -> Iterator[tuple[str, Sequence[Row]]]:
    """Yield each field's name with its rows."""
    named: dict[str, list[Row]] = {}
    for row in found:
        if row.name is not None:
            named.setdefault(row.name, []).append(row)
    yield from named.items()
