"""The fast path of one window: its bytes to its fields, as a function that is written for it.

A window is decoded a hundred thousand times from one plan, and a loop over the plan costs three times what the work
does. So the plan is turned into the source of a function once, as `dataclasses` does it: one `struct` takes all the
registers out, and one dictionary display looks up what they mean. The function of the temperatures, for example, is

    def decode(data):
        r0, r1 = unpack(data)
        return {'coffee_temp': c0[r0], 'steam_temp': c1[r1]}

It is for faultless data only: what is no value raises `LookupError` or `ValueError`, and the general path in `fields`
then says what is wrong. A test compares the two.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from lmdecode.codec.registers import Derived, Register
from lmdecode.codec.values import Value, unpacking

__all__ = ["make_quick_decoder"]


def make_quick_decoder(
    address: int, rows: Sequence[Register], derived: Sequence[Derived]
) -> Callable[[bytes], dict[str, Value]]:
    """Write the function.

    Args:
        address: Of the window's first byte.
        rows: The named registers that are whole in the window, in the order of addresses; no name twice.
        derived: What follows from them.

    Returns:
        A function that takes exactly the window's bytes.
    """
    names: dict[str, object] = {}  # what the function's source can refer to
    layout, end = ">", address
    raw: list[str] = []
    values: dict[str, str] = {}  # by name, the source of the value
    single: dict[str, tuple[str, Callable[[Any], Value] | None]] = {}  # registers of one byte
    for row in rows:
        name, offset = row.name or "", row.address - address
        if any(row is not other and row.address <= other.address < row.end for other in rows):
            whole = f"w{len(names)}"
            names[whole] = row.type.decode  # it has parts, and `struct` takes nothing out twice
            values[name] = f"{whole}(data[{offset}:{offset + row.size}])"
            continue
        code, convert = unpacking(row.type)
        layout += f"{row.address - end}x{code}"
        end = row.end
        variable, converter = f"r{len(raw)}", f"c{len(raw)}"
        raw.append(variable)
        if row.size == 1:
            single[name] = variable, convert
        if convert is None:
            values[name] = variable
        else:
            table = getattr(convert, "__self__", None)
            is_table = isinstance(table, dict | list)
            names[converter] = table if is_table else convert
            values[name] = f"{converter}[{variable}]" if is_table else f"{converter}({variable})"
    for number, each in enumerate(derived):
        inputs = [single.get(name) for name in each.inputs]
        first = inputs[0]
        if len(inputs) == 1 and first is not None:
            variable, convert = first
            names[f"d{number}"] = _following(convert, each.compute)
            values[each.name] = f"d{number}[{variable}]"
            continue
        of_bytes = all(held is not None and held[1] is None for held in inputs)
        names[f"d{number}"] = lru_cache(maxsize=4096)(each.compute) if of_bytes else each.compute
        values[each.name] = f"d{number}({', '.join(values[name] for name in each.inputs)})"
    names["unpack"] = struct.Struct(layout).unpack_from
    taken = f" {', '.join(raw)}, = unpack(data)\n" if raw else ""
    items = ", ".join(f"{name!r}: {source}" for name, source in values.items())
    # Compiled first, because a Ctrl-C within the `exec` of a text ends Python by a signal, even if it is handled.
    source = compile(f"def decode(data):\n{taken} return {{{items}}}", f"<window {address:04X}>", "exec")
    exec(source, names)  # noqa: S102 -- made of names and numbers of our own map
    decode: Callable[[bytes], dict[str, Value]] = names["decode"]  # type: ignore[assignment]  # as just written
    return decode


def _following(convert: Callable[[Any], Value] | None, compute: Callable[..., Value]) -> dict[int, Value]:
    """By each byte that a register can hold, what follows from it."""
    table: dict[int, Value] = {}
    for byte in range(256):
        with suppress(LookupError, ValueError):  # what is no value is found out where it is converted
            table[byte] = compute(byte if convert is None else convert(byte))
    return table
