"""A Wireshark dissector in Lua: tables generated from the memory map, then the decoder in `lamarzocco.lua`.

The tables are data only. A kind of value or a derived value that the decoder does not know stops the generator, so the
map cannot grow past the dissector unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from typing import Final

from lmdecode import __version__
from lmdecode.codec.v1.memory_map import DERIVED, REGISTERS, UNITS
from lmdecode.codec.v1.register import Derived, Register
from lmdecode.codec.v1.values import FieldType, front_panel
from lmdecode.codec.v1.windows import WINDOWS
from lmdecode.render.sentence import PARTS_OF, REPEATED

PLUGIN_NAME: Final = "lamarzocco.lua"

_HEAD: Final = """\
-- A Wireshark dissector for the messages of La Marzocco espresso machines, decrypted.
-- Made by `lmdecode wireshark-plugin` (lmdecode {version}) from its memory map. Make it anew rather than change it.
--
-- Put it into the folder "Personal Lua Plugins" of Wireshark's Help > About > Folders, and open in Wireshark what
-- `lmdecode decode CAPTURE --format exported-pdu --output FILE.pcapng` writes.
"""
_CODES: Final = range(256)
_LUA_TYPES: Final = {"integer": "uint32", "number": "double", "boolean": "bool", "string": "string", "array": "string"}
_PLAIN_DECODERS: Final = {
    "flag": "flag",
    "bit 0": "low_bit",
    "front panel text": "front_panel",
    "version ÷ 100": "version",
    "clock": "clock",
}
"""The decoder's function for each type of value that needs no further facts, by the type's name."""
_FORMULAS: Final = frozenset({"total_flushing", "days_since_built", "brew_group_offset"})
"""The derived values that have a function of their own name in the decoder."""


class _Hex(int):
    """A number that is written in hexadecimal, as people know addresses."""


_Literal = str | int | float | bool | Iterable["_Literal"] | Mapping[int, str] | Mapping[str, "_Literal"]
_Row = dict[str, _Literal]


def lua_dissector() -> str:
    """The whole plugin, as text in UTF-8."""
    decoder = resources.files(__package__).joinpath(PLUGIN_NAME).read_text(encoding="utf-8")
    return _HEAD.format(version=__version__) + "\n" + "\n".join(_tables()) + "\n" + decoder


def _tables() -> Iterator[str]:
    registers = [row for row in REGISTERS if row.name is not None]
    types = {row.name: _LUA_TYPES[row.type.json] for row in registers if row.name}
    # A difference of two counts may be negative, and larger than 31 bits.
    types |= {row.name: "int64" if row.json == "integer" else _LUA_TYPES[row.json] for row in DERIVED}
    windows: dict[int, str] = {_Hex(window.address << 16 | window.length): window.name for window in WINDOWS}
    yield from _table("WINDOWS", windows)
    yield from _rows("REGISTERS", [_register(row) for row in registers])
    yield from _rows("DERIVED", [_derived(row) for row in DERIVED])
    yield from _rows("FIELDS", [_field(name, kind) for name, kind in types.items()])
    yield from _table("FLOATS", _set(name for name, kind in types.items() if kind == "double"))
    yield from _table("INT64", _set(name for name, kind in types.items() if kind == "int64"))
    yield from _table("IS_DERIVED", _set(row.name for row in DERIVED))
    yield from _table("REPEATED", _set(sorted(REPEATED)))
    yield from _table("PARTS_OF", {name: parts for name, parts in PARTS_OF.items() if parts})
    yield from _table("GLYPHS", _glyphs())


def _field(name: str, kind: str) -> _Row:
    field: _Row = {"name": name, "type": kind}
    if name in UNITS:
        field["unit"] = UNITS[name]
    return field


def _register(row: Register) -> _Row:
    place: _Row = {
        "address": _Hex(row.address),
        "size": row.size,
        "name": row.name or "",
        "write_only": not row.readable,
        "confirmed": row.confirmed,
    }
    return place | _decoder(row.type)


def _decoder(kind: FieldType) -> _Row:
    """The name of the decoder's function for a type of value, and the facts that it needs."""
    plain = _PLAIN_DECODERS.get(kind.name)
    if plain is not None:
        return {"decode": plain}
    if kind.name == "enum":
        return {"decode": "enumeration", "words": {kind.encode(word)[0]: word for word in kind.words}}
    if kind.name == "bit set":
        return {"decode": "bit_set", "bits": _bits(kind)}
    if kind.name.startswith("ASCII"):
        return {"decode": "text", "prefix": kind.encode("").rstrip(b"\0").decode("ascii")}
    if kind.json == "integer":
        return {"decode": "unsigned", "little": kind.size > 1 and kind.decode(b"\1".ljust(kind.size, b"\0")) == 1}
    if kind.json == "number" and kind.step:
        return {"decode": "scaled", "divisor": round(1 / kind.step)}
    raise LookupError(f"the Lua decoder cannot read a {kind.name!r}")


def _bits(kind: FieldType) -> list[_Literal]:
    """The names of all eight bits, bit 0 first. A bit without a name is named by its mask."""
    names: list[_Literal] = []
    for bit in range(8):
        value = kind.decode(bytes([1 << bit]))
        names += value if isinstance(value, list) else [str(value)]
    return names


def _derived(row: Derived) -> _Row:
    """The name of the decoder's function for a derived value, and the facts that it needs."""
    entry: _Row = {"name": row.name, "inputs": row.inputs, "confirmed": row.confirmed}
    source = next(register.type for register in REGISTERS if register.name == row.inputs[0])
    if row.name in _FORMULAS:
        entry["derive"] = row.name
    elif source.name == "bit set" and row.name in source.words:
        entry["derive"] = "bit"
    elif source.name == "enum" and len(row.inputs) == 1:
        entry |= {"derive": "lookup", "values": {word: bool(row.compute(word)) for word in source.words}}
    elif row.formula == ":".join(row.inputs):
        entry["derive"] = "time_of_day"
    else:
        raise LookupError(f"the Lua decoder cannot work out {row.name}")
    return entry


def _glyphs() -> dict[int, str]:
    """The characters of the front panel that are not latin-1's."""
    decode = front_panel(1).decode
    return {_Hex(code): str(decode(bytes([code]))) for code in _CODES if code and decode(bytes([code])) != chr(code)}


def _set(names: Iterable[str]) -> _Row:
    return dict.fromkeys(names, True)


def _table(name: str, entries: Mapping[int, str] | Mapping[str, _Literal]) -> Iterator[str]:
    yield f"local {name} = {{"
    for key, value in entries.items():
        yield f"    {_key(key)} = {_literal(value)},"
    yield "}"


def _rows(name: str, rows: Iterable[_Literal]) -> Iterator[str]:
    yield f"local {name} = {{"
    for row in rows:
        yield f"    {_literal(row)},"
    yield "}"


def _key(key: str | int) -> str:
    return key if isinstance(key, str) and key.isidentifier() else f"[{_literal(key)}]"


def _literal(value: _Literal) -> str:
    r"""A value as Lua writes it.

    >>> _literal({"name": "t_unit", "words": {0: "C"}, "bits": ["a", "b"], "little": True})
    '{ name = "t_unit", words = { [0] = "C" }, bits = { "a", "b" }, little = true }'
    """
    match value:
        case bool():
            return "true" if value else "false"
        case _Hex():
            return f"0x{value:04X}"
        case int() | float():
            return str(value)
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            return f'"{escaped}"'
        case Mapping():
            inner = ", ".join(f"{_key(key)} = {_literal(item)}" for key, item in value.items())
        case _:
            inner = ", ".join(_literal(item) for item in value)
    return f"{{ {inner} }}"
