"""The fast path of one window: functions, generated for it, that turn its bytes into fields.

A window is decoded a hundred thousand times from one plan, and a loop over the plan costs three times what the work
does. So the plan is turned into the source of functions once, as `dataclasses` does it: one `struct` takes all the
registers out, and one dictionary display, or one f-string for those who only write it down, looks up what they mean.
The functions of the front panel's switches, for example, are

    def decode(data):
        r0, r1, = n3(data)
        fields = {'power': (v0 := n1[r0][0]), 'water_reservoir_contact': (v1 := n2[r1][0])}
        if v0 is None or v1 is None:
            return present(fields), problems(data)
        return fields, ()

    def as_json(data):
        r0, r1, = n3(data)
        text = f'{{{t4[r0]},{t5[r1]}}}'
        if none in text:
            return cut(text), named(('power', n1[r0][2]), ('water_reservoir_contact', n2[r1][2]))
        return text, ()

    def problems(data):
        r0, r1, = n3(data)
        if n1[r0][2] or n2[r1][2]:
            return named(('power', n1[r0][2]), ('water_reservoir_contact', n2[r1][2]))
        return ()

What is looked up is a `Meaning`, which says of bytes that are no value why not. So values that no register allows cost
little more than legal ones; a firmware that nobody knows may send them with every message. A test compares these
functions with the loop over the plan, in `window`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from itertools import groupby
from typing import Any, Final, NamedTuple

import orjson

from lmdecode.codec.record import Value
from lmdecode.codec.v1.register import Derived, Register
from lmdecode.codec.v1.values import unpacking

OFF: Final[set[str]] = set()
"""What `_fast.do_without` turned off."""
_REMEMBERED: Final = 4096  # results of one function, texts of one register
_BYTES: Final = tuple(map(str, range(256)))  # looked up in a third of the time that formatting takes
_NONE: Final = "\0"  # the text of a value that there is not; no JSON has it, so it is found in a whole text
_NONE_MEMBER: Final = re.compile(f'"[^"]*":{_NONE},?').sub

Meaning = tuple[Value | None, str, str | None]
"""What bytes mean: their value; that as JSON; what is wrong with them. Without a value the first two are None and NUL,
and nothing is wrong with what follows from a value that there is not."""


class QuickDecoder(NamedTuple):
    """Decodes the data of one window. The functions take exactly the window's bytes, and never raise."""

    fields: Callable[[bytes], tuple[dict[str, Value], tuple[str, ...]]]
    """The values by name, and the problems, as `decode_window` returns them."""
    json: Callable[[bytes], tuple[str, tuple[str, ...]]]
    """The same with the values as JSON, in less time than it takes to make a dictionary and write that down."""
    problems: Callable[[bytes], tuple[str, ...]]
    """The problems alone."""


def make_quick_decoder(address: int, rows: Sequence[Register], derived: Sequence[Derived]) -> QuickDecoder:
    """Write the functions.

    Args:
        address: Of the window's first byte.
        rows: The named registers that are whole in the window, in the order of addresses; no name twice.
        derived: What follows from them.
    """
    source = _Source()
    layout, end = ">", address
    for row in rows:
        offset = row.address - address
        if any(row.address <= other.address < row.end and other.size < row.size for other in rows):
            source.add_whole(row, offset)  # it has parts, and `struct` takes nothing out twice
            continue
        layout += f"{row.address - end}x{source.add_register(row)}"
        end = row.end
    for each in derived:
        source.add_derived(each)
    return source.compiled(struct.Struct(layout), f"<window {address:04X}>")


_FUNCTIONS: Final = """
def decode(data):
    {taken}
    fields = {{{items}}}
    if {is_any_none}:
        return present(fields), problems(data)
    return fields, ()

def as_json(data):
    {taken}
    text = f'{{{members}}}'
    if {is_none_in_text}:
        return cut(text), {wrong}
    return text, ()

def problems(data):
    {taken_if_any_can_be}
    if {is_any_wrong}:
        return named({errors})
    return ()
"""


class _Source:
    """The source of the functions, as it grows."""

    def __init__(self) -> None:
        self._names: dict[str, object] = {  # what it can refer to
            "bytes": _BYTES,
            "cut": _without_none,
            "meaning": _meaning,
            "named": _named,
            "none": _NONE,
            "present": _present,
        }
        self._variables: list[str] = []  # what `struct` takes out
        self._values: dict[str, str] = {}  # by name, the source of the value
        self._bytes: dict[str, tuple[str, Callable[[Any], Value] | None]] = {}  # by name, registers of one byte
        self._uncertain: list[str] = []  # names of values that there may not be
        self._errors: dict[str, str] = {}  # by name, the source of what is wrong with a confirmed one of them
        self._known_errors: dict[str, str] = {}  # the same in `as_json`, where all have been looked up
        self._members = _Members(self._names)

    def add_whole(self, row: Register, offset: int) -> None:
        """A register that is decoded by itself."""
        self._add(row, f"{self._named(remembered(row.type.decode))}(data[{offset}:{offset + row.size}])")

    def add_register(self, row: Register) -> str:
        """One that `struct` takes out, next after those before it. Returns its format there."""
        name, variable = row.name or "", f"r{len(self._variables)}"
        code, convert = unpacking(row.type)
        self._variables.append(variable)
        if row.size == 1:
            self._bytes[name] = variable, convert
        if convert is None:
            self._values[name] = variable
            self._members.add(name, f"bytes[{variable}]" if row.size == 1 else variable)
        elif row.size == 1:
            self._add_byte(row, variable, convert)
        elif isinstance(table := getattr(convert, "__self__", None), dict):
            self._values[name] = f"{self._named(table)}[{variable}]"
            self._members.add_looked_up(name, variable, convert)
        else:
            self._add(row, f"{self._named(remembered(convert))}({variable})")
        return code

    def add_derived(self, derived: Derived) -> None:
        """What follows from registers that were added."""
        inputs = [self._bytes.get(each) for each in derived.inputs]
        if len(inputs) == 1 and inputs[0] is not None:
            self._add_byte(derived, *inputs[0], derived.compute)
            return
        arguments = ", ".join(self._values[each] for each in derived.inputs)
        if all(held is not None and held[1] is None for held in inputs):
            if derived.refuse is not None and len(inputs) == 2:
                pairs = self._named(_meanings_of_two(derived.compute, derived.refuse))
                self._add(derived, f"{pairs}[{arguments.replace(',', ' << 8 |')}]")
            else:
                self._add(derived, f"{self._named(remembered(derived.compute))}({arguments})")
        else:
            self._add(derived, f"meaning({self._named(derived.compute)}, {arguments})")

    def _add(self, row: Register | Derived, meaning: str) -> None:
        """A value that there may not be, by the source of its `Meaning`."""
        name = row.name or ""
        variable = f"m{len(self._uncertain)}"
        self._values[name] = f"{meaning}[0]"
        self._members.add(name, f"({variable} := {meaning})[1]" if row.confirmed else f"{meaning}[1]")
        self._uncertain.append(name)
        if row.confirmed:
            self._errors[name] = f"{meaning}[2]"
            self._known_errors[name] = f"{variable}[2]"

    def _add_byte(self, row: Register | Derived, variable: str, *steps: Callable[[Any], Value] | None) -> None:
        """A value that follows from a byte."""
        name = row.name or ""
        values, errors = of_bytes(*steps)
        self._values[name] = f"{self._named(values)}[{variable}]"
        self._members.add_looked_up(name, variable, values.__getitem__)
        if None in values:
            self._uncertain.append(name)
        if row.confirmed and any(errors):
            self._errors[name] = self._known_errors[name] = f"{self._named(errors)}[{variable}]"

    def compiled(self, layout: struct.Struct, filename: str) -> QuickDecoder:
        """The functions."""
        taken = f"{', '.join(self._variables)}, = {self._named(layout.unpack_from)}(data)" if self._variables else ""
        places = {name: f"v{number}" for number, name in enumerate(self._uncertain)}
        items = ", ".join(
            f"{name!r}: ({places[name]} := {source})" if name in places else f"{name!r}: {source}"
            for name, source in self._values.items()
        )
        source = _FUNCTIONS.format(
            taken=taken,
            taken_if_any_can_be=taken if self._errors else "",
            items=items,
            is_any_none=" or ".join(f"{place} is None" for place in places.values()) or "False",
            members=f"{{{self._members.source()}}}",
            is_none_in_text="none in text" if places else "False",
            is_any_wrong=" or ".join(self._errors.values()) or "False",
            errors=_pairs(self._errors),
            wrong=f"named({_pairs(self._known_errors)})",
        )
        # Compiled first, because a Ctrl-C within the `exec` of a text ends Python by a signal, even if it is handled.
        exec(compile(source, filename, "exec"), self._names)  # noqa: S102 -- of names and numbers of our own map
        return QuickDecoder(*map(self._names.__getitem__, ("decode", "as_json", "problems")))  # type: ignore[arg-type]

    def _named(self, thing: object) -> str:
        name = f"n{len(self._names)}"
        self._names[name] = thing
        return name


class _Members:
    """The members of the JSON object, and their source: what an f-string has between its braces.

    What neighbours say of the same number, such as the bits of a byte, is looked up as one text.
    """

    def __init__(self, names: dict[str, object]) -> None:
        self._names = names
        self._list: list[tuple[str, str, Callable[[Any], Value | None] | None]] = []

    def add(self, name: str, text: str) -> None:
        """A member, by the source of its value's text."""
        self._list.append((name, text, None))

    def add_looked_up(self, name: str, variable: str, convert: Callable[[Any], Value | None]) -> None:
        """A member that follows from a number."""
        self._list.append((name, variable, convert))

    def source(self) -> str:
        """All of them; the texts that they look up are put among the names."""
        members: list[str] = []
        for (source, is_looked_up), group in groupby(self._list, key=lambda member: (member[1], bool(member[2]))):
            if is_looked_up:
                table = f"t{len(self._names)}"
                self._names[table] = _Table({name: convert for name, _, convert in group if convert is not None})
                members.append(f"{{{table}[{source}]}}")
            else:
                members += [f'"{name}":{{{text}}}' for name, text, _ in group]
        return ",".join(members)


class _Table(dict[int, str]):
    """By each number that came up, what it says as members of a JSON object."""

    def __init__(self, converts: dict[str, Callable[[Any], Value | None]]) -> None:
        super().__init__()
        (first, self._convert), *rest = converts.items()
        self._start = f'"{first}":'
        self._rest = [(f',"{name}":', convert) for name, convert in rest]

    def __missing__(self, number: int) -> str:
        text = self._start + _text(self._convert(number))
        for start, convert in self._rest:
            text += start + _text(convert(number))
        if len(self) >= _REMEMBERED:
            self.clear()
        self[number] = text
        return text


def _text(value: Value | None) -> str:
    return _NONE if value is None else orjson.dumps(value).decode()


def _meaning(compute: Callable[..., Value], *inputs: Value | None) -> Meaning:
    if None in inputs:
        return None, _NONE, None
    try:
        value = compute(*inputs)
    except ValueError as error:
        return None, _NONE, str(error)
    return value, _text(value), None


@cache
def remembered(compute: Callable[..., Value]) -> Callable[..., Meaning]:
    """What returns the `Meaning` that a function gives some inputs, and remembers thousands of them."""
    return lru_cache(maxsize=_REMEMBERED)(partial(_meaning, compute))


class _Pairs(dict[int, Meaning]):
    """By each two bytes that came up and have a value, as one number, their `Meaning`.

    Those without one are not kept: on a firmware that nobody knows, all may come up.
    """

    def __init__(self, compute: Callable[..., Value], refuse: Callable[..., str | None]) -> None:
        super().__init__()
        self._compute = compute
        self._refuse = refuse

    def __missing__(self, both: int) -> Meaning:
        wrong = self._refuse(both >> 8, both & 0xFF)
        if wrong is not None:
            return None, _NONE, wrong
        self[both] = meaning = _meaning(self._compute, both >> 8, both & 0xFF)
        return meaning


_meanings_of_two = cache(
    _Pairs
)  # the times of all days are worked out by one function, from a few hundred hours and minutes


@cache  # the same registers are in several windows, and many values may follow from one byte
def of_bytes(*steps: Callable[[Any], Value] | None) -> tuple[tuple[Value | None, ...], tuple[str | None, ...]]:
    """By each byte that a register can hold, the value that some conversions make of it, and what is wrong with it."""
    if not steps:
        return tuple(range(256)), (None,) * 256
    *before, step = steps
    if step is None:
        return of_bytes(*before)
    values: list[Value | None] = []
    errors: list[str | None] = []
    for given in of_bytes(*before)[0]:
        value, error = None, None
        if given is not None:
            try:
                value = step(given)
            except ValueError as problem:
                error = str(problem)
        values.append(value)
        errors.append(error)
    return tuple(values), tuple(errors)


def _pairs(sources: dict[str, str]) -> str:
    return ", ".join(f"({name!r}, {source})" for name, source in sources.items())


def _without_none(text: str) -> str:
    r"""A JSON object without the members that have no value.

    >>> _without_none('{"power":\0,"day":"Sunday","hour":\0}')
    '{"day":"Sunday"}'
    """
    kept = _NONE_MEMBER("", text)
    return kept if kept[-2] != "," else f"{kept[:-2]}}}"


def _present(fields: dict[str, Value | None]) -> dict[str, Value]:
    """The values that there are."""
    return {name: value for name, value in fields.items() if value is not None}


def _named(*errors: tuple[str, str | None]) -> tuple[str, ...]:
    """The problems of values, by their names and what is wrong with each, if anything is."""
    return tuple([f"{name}: {error}" for name, error in errors if error])
