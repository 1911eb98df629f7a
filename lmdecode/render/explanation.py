"""One message taken apart on a panel: every byte, the register it belongs to, its value, and how sure we are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rich import box
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.memory_map import DERIVED
from lmdecode.codec.v1.message import Decoded, Message
from lmdecode.codec.v1.redaction import WITHHELD
from lmdecode.codec.v1.register import Register
from lmdecode.codec.v1.window import registers_in
from lmdecode.codec.v1.windows import window_name
from lmdecode.render.register_list import SURE_STYLES, range_text, type_text
from lmdecode.render.sentence import value_text

_BYTES_A_LINE = 4
_NOBODY_KNOWS = "—"  # stands for the name of a register


class MessagePart(NamedTuple):
    """Some bytes of a message and their meaning, in words."""

    address: int
    """The address of the first byte."""
    digits: str
    """The bytes as hex, four a line; "" in a request, which has no data."""
    name: str
    """The register, `secret`, or `—` where nobody knows."""
    value: str
    """The value with its unit; in a request the values that are possible; "" where nobody knows what the bytes mean."""
    sure: str
    """`seen`, `claimed`, `inferred` or `unknown`."""
    note: str


def explanation(title: str, decoded: Decoded, *, windowed: bool = False) -> Panel:
    """Returns a panel that takes a decoded message apart.

    Args:
        title: What the user gave, shortened.
        decoded: What it says.
        windowed: Whether a window was given and not a message, so that its check byte means nothing.
    """
    body: list[Text | Table] = []
    message = decoded.message
    if message is not None:
        body.append(_headline(message, decoded))
    if decoded.plaintext is not None and not windowed:
        body.append(Text.assemble(("plaintext ", "dim"), decoded.plaintext))
        if message is not None:
            body.append(_check_line(decoded))
    body.extend(Text(f"! {problem}", "red") for problem in decoded.problems)
    if message is not None and (found := parts(decoded)):
        body.append(_parts_table(message, found))
    if message is not None and (derived := _derived(message, decoded)):
        body.append(derived)
    return Panel(Group(*body), title=Text(title, "bold"), title_align="left", box=box.ROUNDED)


def explanation_entry(title: str, decoded: Decoded, *, windowed: bool = False) -> dict[str, object]:
    """Returns a message taken apart, as `lmdecode explain --json` writes it.

    Args:
        title: What the user gave, without the secrets in it.
        decoded: What it says.
        windowed: Whether a window was given and not a message, so that its check byte means nothing.
    """
    message = decoded.message
    return {
        "message": title,
        "kind": message.kind if message else None,
        "address": message.address if message else None,
        "length": message.length if message else None,
        "status": message.status if message else None,
        "plaintext": None if windowed else decoded.plaintext,
        "valid": None if windowed else decoded.valid,
        "fields": dict(decoded.fields),
        "parts": [
            {
                "address": part.address,
                "data": part.digits.replace(" ", "").replace("\n", "").lower(),
                "name": part.name if part.name != _NOBODY_KNOWS else None,
                "value": part.value,
                "sure": part.sure,
                "note": part.note,
            }
            for part in parts(decoded)
        ],
        "problems": list(decoded.problems),
    }


def _headline(message: Message, decoded: Decoded) -> Text:
    name = window_name(message.address, message.length)
    last = message.address + max(message.length, 1) - 1
    where = f"0x{message.address:04X}" if message.length < 2 else f"0x{message.address:04X} to 0x{last:04X}"
    size = "1 byte" if message.length == 1 else f"{message.length} bytes"
    meaning = f"a damaged {message.kind} message" if WITHHELD in decoded.problems else _meaning(message)
    text = Text.assemble((meaning, "bold"), f" · {where}, {size}")
    if name:
        text.append(f" · {name}")
    return text


def _meaning(message: Message) -> str:
    if message.kind is Kind.STREAM:
        return "stream: pushed by the machine while water flows"
    if message.kind is Kind.WRITE:
        if message.status is None:
            return "write request"
        return "answer to a write: done" if message.ok else f"answer to a write: REFUSED ({message.status})"
    return "read request" if message.data is None else "answer to a read, or a report"


def _check_line(decoded: Decoded) -> Text:
    check = (decoded.plaintext or "")[-2:]
    if decoded.valid:
        return Text.assemble(("check byte ", "dim"), check, (" right", "green"))
    return Text.assemble(("check byte ", "dim"), check, (" wrong", "bold red"))


def parts(decoded: Decoded) -> list[MessagePart]:
    """Returns the bytes of a message in order: registers, the parts of registers, what is cut, what is unknown.

    >>> from lmdecode.codec.v1.decoder import decode_plaintext
    >>> [(part.name, part.digits, part.value) for part in parts(decode_plaintext(b"R401C000403BC04D8B6"))]
    [('coffee_temp', '03 BC', '95.6 °C'), ('steam_temp', '04 D8', '124.0 °C')]
    """
    message = decoded.message
    if message is None or message.status is not None or WITHHELD in decoded.problems:
        return []
    size = message.length if message.data is None else len(message.data)
    return list(_parts(message, decoded, size)) if size else []


def _parts_table(message: Message, found: list[MessagePart]) -> Table:
    asks = message.data is None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("address", no_wrap=True)
    if not asks:
        table.add_column("bytes", style="cyan", no_wrap=True)
    table.add_column("register", style="bold", no_wrap=True)
    table.add_column("sure", no_wrap=True)
    table.add_column("value", overflow="fold")
    last_note = ""
    for part in found:
        note = part.note if part.note != last_note else "″" * bool(part.note)
        last_note = part.note
        cells = [Text(f"0x{part.address:04X}"), Text(part.digits), Text(part.name)]
        if asks:
            del cells[1]
        sure = Text(part.sure, SURE_STYLES.get(part.sure, ""))
        value = Text("  ").join(filter(None, (Text(part.value), Text(note, "dim"))))
        table.add_row(*cells, sure, value)
    return table


def _parts(message: Message, decoded: Decoded, size: int) -> Iterator[MessagePart]:
    end = message.address + size
    position = message.address
    for register in registers_in(message.address, size):
        if register.address > position:
            yield _unknown(message, decoded, position, min(register.address, end))
        yield _register_part(message, decoded, register, end)
        position = max(position, min(register.end, end))
    if position < end:
        yield _unknown(message, decoded, position, end)


def _register_part(message: Message, decoded: Decoded, register: Register, end: int) -> MessagePart:
    start, stop = max(register.address, message.address), min(register.end, end)
    name = register.name or ("secret" if register.secret else _NOBODY_KNOWS)
    note = register.note
    if (start, stop) != (register.address, register.end):
        value = "cut off"
        note = f"{stop - start} of its {register.size} bytes, from 0x{register.address:04X}"
    elif message.data is None:
        value = " ".join(filter(None, (type_text(register), f"({range_text(register)})" * register.writable)))
    elif register.name is None:
        value = ""
    elif not register.readable and message.kind is not Kind.WRITE:
        value = "cannot be read"
    else:
        value = _own_value(message, register)
    return MessagePart(start, _digits(message, decoded, start, stop), name, value, register.sure.value, note)


def _own_value(message: Message, register: Register) -> str:
    """Returns the value of this very register: another copy of its name may have another value."""
    start = register.address - message.address
    try:
        value = register.type.decode((message.data or b"")[start : start + register.size])
    except ValueError as error:
        return str(error) if register.confirmed else f"not a known value: {error}"
    return value_text(register.name or "", value)


def _unknown(message: Message, decoded: Decoded, start: int, stop: int) -> MessagePart:
    return MessagePart(start, _digits(message, decoded, start, stop), _NOBODY_KNOWS, "", "unknown", "")


def _digits(message: Message, decoded: Decoded, start: int, stop: int) -> str:
    if decoded.data is None:
        return ""
    offset = 2 * (start - message.address)
    digits = decoded.data[offset : offset + 2 * (stop - start)]
    pairs = [digits[index : index + 2].upper() for index in range(0, len(digits), 2)]
    lines = [" ".join(pairs[index : index + _BYTES_A_LINE]) for index in range(0, len(pairs), _BYTES_A_LINE)]
    return "\n".join(lines)


def _derived(message: Message, decoded: Decoded) -> Table | None:
    rows = [row for row in DERIVED if row.name in decoded.fields]
    if not rows or message.data is None:
        return None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("derived", style="bold", no_wrap=True)
    table.add_column("sure", no_wrap=True)
    table.add_column("value", overflow="fold")
    for row in rows:
        value = Text(value_text(row.name, decoded.fields[row.name]))
        sure = Text(row.sure, SURE_STYLES[row.sure])
        table.add_row(Text(row.name), sure, Text("  ").join((value, Text(row.formula, "dim"))))
    return table
