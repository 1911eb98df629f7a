"""Reads JSON values by the rows of one kind of document: the paths of the rows, put together as a tree.

The walk follows the rows, not the document: it goes only where a row leads, so its depth is that of the longest path,
and whatever no row leads to is kept whole in one piece. A document of any size is read in time that grows with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from lmdecode.codec.confidence import Confidence
from lmdecode.codec.json_text import parsed
from lmdecode.codec.json_types import OtherFormError
from lmdecode.codec.record import MASK, Value

if TYPE_CHECKING:
    from lmdecode.codec.vocabulary import Row

Conditions = tuple[tuple[tuple[str, ...], str], ...]
"""Members, by their paths, and the values that they must have."""

_MOST_PROBLEMS: Final = 20  # that are told one by one: a hostile message must not become a thousand lines
_LONGEST_LABEL: Final = 40  # characters of a value that may stand in a path
_STEP: Final = re.compile(r"([^.\[\]]+)|\[([^\[\]]*)\]")


class Reading(NamedTuple):
    """What a document says."""

    fields: dict[str, Value]
    extra: dict[str, object]
    """What makes no field, whole, by its path."""
    problems: tuple[str, ...]
    """Values that a row which was seen cannot have."""


@dataclass(slots=True)
class Node:
    """What the rows of a source say about one place and those below it."""

    rows: list[Row] = field(default_factory=list)
    members: dict[str, Node] = field(default_factory=dict)
    choices: list[tuple[Conditions | int, Node]] = field(default_factory=list)
    """What is below items, and below objects, that fit conditions or stand at an index; the strictest come first."""
    is_condition: bool = False
    """Whether the value has been looked at to come here, so that nothing more need be said of it."""

    @property
    def is_leaf(self) -> bool:
        """Whether no row leads further."""
        return not self.members and not self.choices


def tree_of(rows: Iterable[Row]) -> Node:
    """Return the tree of some rows."""
    root = Node()
    for row in rows:
        node = root
        for step in steps_of(row.path):
            node = node.members.setdefault(step, Node()) if isinstance(step, str) else _choice(node, step)
        node.rows.append(row)
    return root


def steps_of(path: str) -> list[str | int | Conditions]:
    """Return the steps of a path: members, indices, and conditions on items and objects.

    >>> steps_of("boilers[id=SteamBoiler].target")
    ['boilers', ((('id',), 'SteamBoiler'),), 'target']
    """
    steps: list[str | int | Conditions] = []
    for member, item in _STEP.findall(path):
        if member:
            steps.append(member)
        elif item.isdigit():
            steps.append(int(item))
        else:
            pieces = (each.partition("=") for each in item.split(",") if each)
            steps.append(tuple((tuple(name.split(".")), value) for name, _, value in pieces))
    return steps


def _choice(node: Node, step: Conditions | int) -> Node:
    for known, below in node.choices:
        if known == step:
            return below
    below = Node()
    node.choices.append((step, below))
    node.choices.sort(key=lambda each: -_strictness(each[0]))
    if not isinstance(step, int):
        for path, _ in step:
            at = below
            for name in path:
                at = at.members.setdefault(name, Node())
            at.is_condition = True
    return below


def _strictness(step: Conditions | int) -> float:
    return 0.5 if isinstance(step, int) else len(step)


class Walk:
    """Reads one document.

    Args:
        root: The tree of its kind.
    """

    def __init__(self, root: Node) -> None:
        self._root = (root,)
        self._fields: dict[str, Value] = {}
        self._extra: dict[str, object] = {}
        self._problems: list[str] = []
        self._unsaid = 0
        self._taken: dict[str, int] = {}

    def read(self, value: object) -> Reading:
        """Return what it says."""
        (root,) = self._root
        if isinstance(value, list) and root.members and not root.choices and all(isinstance(e, dict) for e in value):
            for each in value:  # a document in pieces
                self._walk(self._root, _member(each), "")
        else:
            self._walk(self._root, _member(value), "")
        if self._unsaid:
            self._problems.append(f"{self._unsaid} more values that cannot be")
        return Reading(self._fields, self._extra, tuple(self._problems))

    def _walk(self, nodes: Sequence[Node], value: object, path: str) -> None:
        if all([node.is_leaf for node in nodes]):  # noqa: C419 -- a list of one or two is faster
            self._simple(nodes, value, path)
            return
        if isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:
            value = self._inner(value, path)
        if value is None:
            return
        if isinstance(value, dict):
            objects = (row for node in nodes for row in node.rows if row.type is not None and row.type.of_object)
            self._take(objects, value, path)
            self._members(nodes, value, path)
        elif isinstance(value, list):
            self._items(nodes, value, path)
        else:
            self._simple(nodes, value, path)

    def _simple(self, nodes: Sequence[Node], value: object, path: str) -> None:
        rows = [row for node in nodes for row in node.rows]
        if not isinstance(value, dict):
            rows = [row for row in rows if row.type is None or not row.type.of_object]
        if rows:
            self._take(rows, value, path)
        elif not path and isinstance(value, dict):  # a kind of document that has no rows
            self._members(nodes, value, path)
        elif not any(node.is_condition for node in nodes):
            self._keep(path, value)

    def _inner(self, text: str, path: str) -> object:
        """Return the value of a JSON text within a string; None if nothing of it can be read."""
        value, problem, _ = parsed(text)
        if problem:
            self._problem(f"{path or 'the value'}: {problem} in the text that it holds")
            self._keep(path, text)
        return value

    def _members(self, nodes: Sequence[Node], value: Mapping[str, object], path: str) -> None:
        active = [*nodes, *_fitting(nodes, value, None)]
        if path and not any(node.members for node in active):
            self._keep(path, value)
            return
        for name, each in value.items():
            below = [node.members[name] for node in active if name in node.members]
            where = f"{path}.{name}" if path else name
            if below:
                self._walk(below, each, where)
            else:
                self._keep(where, each)

    def _items(self, nodes: Sequence[Node], value: Sequence[object], path: str) -> None:
        if not any(node.choices for node in nodes):
            self._keep(path, value)
            return
        names = _labels(nodes)
        for index, each in enumerate(value):
            where = f"{path}[{_label(each, names) or index}]"
            below = _fitting(nodes, each, index)
            if below:
                self._walk(below, each, where)
            else:
                self._keep(where, each)

    def _take(self, rows: Iterable[Row], value: object, path: str) -> None:
        for row in rows:
            if value is None or row.aside:
                continue
            if row.name is None or row.type is None:
                self._keep(path, value)
            elif row.type.of_object:
                with suppress(ValueError, OverflowError):  # the rows of its members say more
                    self._fields.setdefault(row.name, row.type.read(value))
            else:
                self._name(row, row.name, row.type.read, value, path)

    def _name(self, row: Row, name: str, read: Callable[[object], Value], value: object, path: str) -> None:
        try:
            found = read(value)
        except (ValueError, TypeError, OverflowError) as error:
            self._keep(path, value)
            if row.sure is Confidence.SEEN and value != MASK and not isinstance(error, OtherFormError):
                self._problem(f"{path or 'the value'} {error}, so it is no {name}")
        else:
            if self._fields.setdefault(name, found) != found:
                self._keep(path, value)

    def _keep(self, path: str, value: object) -> None:
        path = path or "value"
        count = self._taken[path] = self._taken.get(path, 0) + 1
        self._extra[path if count == 1 else f"{path}#{count}"] = value

    def _problem(self, problem: str) -> None:
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems.append(problem)
        else:
            self._unsaid += 1


class Part(NamedTuple):
    """A place in one document, and the row that says what stands there."""

    path: str
    value: object
    """As it came."""
    row: Row | None
    """None if no row does."""


class Trace(Walk):
    """Reads one document and notes each place in it.

    Args:
        root: The tree of its kind.
    """

    def __init__(self, root: Node) -> None:
        super().__init__(root)
        self.parts: list[Part] = []
        self._is_noted = False

    def _take(self, rows: Iterable[Row], value: object, path: str) -> None:
        rows = [*rows]
        self.parts += (Part(path, value, row) for row in rows)
        self._is_noted = bool(rows)
        super()._take(rows, value, path)
        self._is_noted = False

    def _keep(self, path: str, value: object) -> None:
        if not self._is_noted:
            self.parts.append(Part(path, value, None))
        super()._keep(path, value)


def _member(value: object) -> object:
    """Return an item of the oldest stream, an object with `name` and `value`, as one with a member of that name."""
    if isinstance(value, dict) and value.keys() == {"name", "value"} and isinstance(value["name"], str):
        return {value["name"]: value["value"]}
    return value


def _fitting(nodes: Sequence[Node], value: object, index: int | None) -> list[Node]:
    """Return what is below the strictest choices that an item fits, or an object for an index of None."""
    found: list[Node] = []
    best = -1.0
    for node in nodes:
        for step, below in node.choices:
            strictness = _strictness(step)
            if strictness < best:
                break
            if step == index if isinstance(step, int) else all(_value_at(value, path) == want for path, want in step):
                if strictness > best:
                    found.clear()
                    best = strictness
                found.append(below)
    return found


def _value_at(value: object, path: Iterable[str]) -> str | None:
    """Return the text of a member, as conditions write it; None if there is none, or if it is no simple value."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    # An int of thousands of digits takes its time to be written down, and fits no condition.
    if not isinstance(value, int | float) or not -1e15 < value < 1e15:
        return None
    return str(int(value)) if value == int(value) else str(value)  # 0.0 is 0


def _labels(nodes: Iterable[Node]) -> list[tuple[str, ...]]:
    """Return the members that tell the items of a list apart."""
    names: dict[tuple[str, ...], None] = {}
    for node in nodes:
        for step, _ in node.choices:
            if not isinstance(step, int):
                names.update(dict.fromkeys(path for path, _ in step))
    return list(names)


def _label(item: object, names: Iterable[tuple[str, ...]]) -> str:
    found = ((".".join(path), _value_at(item, path)) for path in names)
    return ",".join(
        f"{name}={value}"
        for name, value in found
        if value is not None and len(value) <= _LONGEST_LABEL and value.isprintable() and not set(value) & set("[],=")
    )
