"""The fast path of one window: functions, generated for it, that turn its bytes into fields.

A window is decoded a hundred thousand times from one plan, and a loop over the plan costs three times what the work
does. So the plan is turned into the source of functions once, as `dataclasses` does it: one `struct` takes all the
registers out, and one dictionary display, or one f-string for those who only write it down, looks up what they mean.
The functions of the temperatures, for example, are

    def decode(data):
        r0, r1, = n3(data)
        return {'coffee_temp': n1[r0], 'steam_temp': n2[r1]}

    def as_json(data):
        r0, r1, = n3(data)
        return f'{{{t4[r0]},{t5[r1]}}}'

They are for clean data only: what is no value raises `LookupError` or `ValueError`, and the general path in
`fields` then says what is wrong. A test compares the two.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, lru_cache
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


class QuickDecoder(NamedTuple):
    """Decodes the clean data of one window; raises `LookupError` or `ValueError` if any value in it is none."""

    fields: Callable[[bytes], dict[str, Value]]
    """The values by name."""
    json: Callable[[bytes], str]
    """The same as JSON, in less time than it takes to make a dictionary and write that down."""


def make_quick_decoder(address: int, rows: Sequence[Register], derived: Sequence[Derived]) -> QuickDecoder:
    """Write the functions.

    Args:
        address: Of the window's first byte.
        rows: The named registers that are whole in the window, in the order of addresses; no name twice.
        derived: What follows from them.

    Returns:
        Functions that take exactly the window's bytes.
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


class _Source:
    """The source of the functions, as it grows."""

    def __init__(self) -> None:
        self._names: dict[str, object] = {"text": _text, "bytes": _BYTES}  # what it can refer to
        self._variables: list[str] = []  # what `struct` takes out
        self._values: dict[str, str] = {}  # by name, the source of the value
        self._bytes: dict[str, tuple[str, Callable[[Any], Value] | None]] = {}  # by name, registers of one byte
        self._members = _Members(self._names)

    def add_whole(self, row: Register, offset: int) -> None:
        """A register that is decoded by itself."""
        decode = self._named(row.type.decode)
        self._values[row.name or ""] = value = f"{decode}(data[{offset}:{offset + row.size}])"
        self._members.add(row.name or "", f"text({value})")

    def add_register(self, row: Register) -> str:
        """One that `struct` takes out, next after those before it. Returns its format there."""
        name, variable = row.name or "", f"r{len(self._variables)}"
        code, convert = unpacking(row.type)
        self._variables.append(variable)
        if row.size == 1:
            self._bytes[name] = variable, convert
        table = getattr(convert, "__self__", None)
        if convert is None:
            self._values[name] = variable
            self._members.add(name, f"bytes[{variable}]" if row.size == 1 else variable)
        elif isinstance(table, dict | list):
            self._values[name] = f"{self._named(table)}[{variable}]"
            self._members.add_looked_up(name, variable, convert)
        else:
            self._values[name] = value = f"{self._named(convert)}({variable})"
            self._members.add(name, f"text({value})")
        return code

    def add_derived(self, derived: Derived) -> None:
        """What follows from registers that were added."""
        name, compute = derived.name, derived.compute
        inputs = [self._bytes.get(each) for each in derived.inputs]
        first = inputs[0]
        if len(inputs) == 1 and first is not None:
            variable, convert = first
            table = _following(convert, compute)
            self._values[name] = f"{self._named(table)}[{variable}]"
            self._members.add_looked_up(name, variable, table.__getitem__)
            return
        arguments = ", ".join(self._values[each] for each in derived.inputs)
        if all(held is not None and held[1] is None for held in inputs):
            self._values[name] = f"{self._named(_remembered(compute))}({arguments})"
            self._members.add(name, f"{self._named(_remembered_text(compute))}({arguments})")
        else:
            self._values[name] = value = f"{self._named(compute)}({arguments})"
            self._members.add(name, f"text({value})")

    def compiled(self, layout: struct.Struct, filename: str) -> QuickDecoder:
        """The functions."""
        taken = ""
        if self._variables:
            taken = f" {', '.join(self._variables)}, = {self._named(layout.unpack_from)}(data)\n"
        items = ", ".join(f"{name!r}: {source}" for name, source in self._values.items())
        # An f-string has two braces for each that it shows.
        as_json = f"def as_json(data):\n{taken} return f'{{{{{self._members.source()}}}}}'"
        # Compiled first, because a Ctrl-C within the `exec` of a text ends Python by a signal, even if it is handled.
        code = compile(f"def decode(data):\n{taken} return {{{items}}}\n{as_json}", filename, "exec")
        exec(code, self._names)  # noqa: S102 -- made of names and numbers of our own map
        return QuickDecoder(self._names["decode"], self._names["as_json"])  # type: ignore[arg-type]  # as just written

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
        self._list: list[tuple[str, str, Callable[[Any], Value] | None]] = []

    def add(self, name: str, text: str) -> None:
        """A member, by the source of its value's text."""
        self._list.append((name, text, None))

    def add_looked_up(self, name: str, variable: str, convert: Callable[[Any], Value]) -> None:
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

    def __init__(self, converts: dict[str, Callable[[Any], Value]]) -> None:
        super().__init__()
        (first, self._convert), *rest = converts.items()
        self._start = f'"{first}":'
        self._rest = [(f',"{name}":', convert) for name, convert in rest]

    def __missing__(self, number: int) -> str:
        text = self._start + orjson.dumps(self._convert(number)).decode()  # measured values come up anew all the time
        for start, convert in self._rest:
            text += start + _text(convert(number))
        if len(self) >= _REMEMBERED:
            self.clear()
        self[number] = text
        return text


def _text(value: Value) -> str:
    return orjson.dumps(value).decode()


@cache  # the times of all days are worked out by one function, from a few hundred hours and minutes
def _remembered(compute: Callable[..., Value]) -> Callable[..., Value]:
    return lru_cache(maxsize=_REMEMBERED)(compute)


@cache
def _remembered_text(compute: Callable[..., Value]) -> Callable[..., str]:
    return lru_cache(maxsize=_REMEMBERED)(lambda *arguments: _text(compute(*arguments)))


def _following(convert: Callable[[Any], Value] | None, compute: Callable[..., Value]) -> dict[int, Value]:
    """By each byte that a register can hold, what follows from it."""
    table: dict[int, Value] = {}
    for byte in range(256):
        with suppress(LookupError, ValueError):  # what is no value is found out where it is converted
            table[byte] = compute(byte if convert is None else convert(byte))
    return table
