"""Memory images: the known bytes of a machine's memory as a text file.

    {"format": "lmdecode-memory", "version": 1,
     "model": "GS3 AV", "serial": "GS000000", "made": "2026-11-21T02:55:55Z", "source": "scan of 192.168.1.215:1774",
     "ranges": [{"address": "0x4000", "data": "018c02"}, …],
     "regions": [{"address": "0x0200", "length": 256, "answer": "echo"}, …]}

`model`, `serial`, `made`, `source` and `regions` may be left out. A reader ignores other entries. Bytes in no range are
not known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, NoReturn

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.v1.memory import Answer, Memory, Region
from lmdecode.codec.v1.message import ADDRESS_SPACE
from lmdecode.codec.v1.redaction import touches_secret
from lmdecode.codec.v1.register import MODELS

FORMAT: Final = "lmdecode-memory"
VERSION: Final = 1

_ROW: Final = 32  # bytes in a range that is written: short lines compare well
_ADDRESS: Final = re.compile(r"0x[0-9A-Fa-f]{1,4}\Z").match


class MemoryImageError(LmdecodeError):
    """A memory image that cannot be used. The message is one line."""


@dataclass(slots=True)
class MemoryImage:
    """The known bytes of a machine's memory, and where they are from."""

    memory: Memory = field(default_factory=Memory)
    model: str | None = None
    made: str | None = None
    """The time of the image, as ISO 8601."""
    source: str | None = None
    serial: str | None = None
    """The machine's serial number. It keeps a scan from resuming another machine's image."""


def image_text(
    image: MemoryImage, *, show_secrets: bool = False, also: Mapping[str, Sequence[Mapping[str, object]]] | None = None
) -> str:
    """An image as the text of its file.

    Args:
        image: What to write.
        show_secrets: True to write the machine's cloud account too, if it is known.
        also: Further lists by name, for programs that know them. `parse_image` ignores them.
    """
    about = {"model": image.model, "serial": image.serial, "made": image.made, "source": image.source}
    head = {"format": FORMAT, "version": VERSION} | {name: text for name, text in about.items() if text is not None}
    ranges = [
        {"address": f"0x{address:04X}", "data": data.hex()}
        for address, data in _rows(image.memory, show_secrets=show_secrets)
    ]
    regions = [
        {"address": f"0x{region.address:04X}", "length": region.length, "answer": region.answer.value}
        for region in image.memory.regions
    ]
    named: list[tuple[str, Sequence[Mapping[str, object]]]] = [("ranges", ranges), ("regions", regions)]
    lists = [
        f'  "{name}": [\n' + ",\n".join(f"    {json.dumps(row)}" for row in rows) + "\n  ]"
        if rows
        else f'  "{name}": []'
        for name, rows in (*named, *(also or {}).items())
    ]
    lines = [f'  "{name}": {json.dumps(value, ensure_ascii=False)}' for name, value in head.items()]
    return "{\n" + ",\n".join([*lines, *lists]) + "\n}\n"


def parse_image(text: str) -> MemoryImage:
    """Read the text of an image.

    Raises:
        MemoryImageError: The text is no image that this version can read.
    """
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        _refuse(f"not JSON: {error.msg} in line {error.lineno}, column {error.colno}")
    except (RecursionError, ValueError):  # nested too deeply; a number of too many digits
        _refuse("not JSON that can be read")
    if not isinstance(entries, dict) or entries.get("format") != FORMAT:
        _refuse(f'it does not say "format": "{FORMAT}"')
    version = entries.get("version")
    if version != VERSION or isinstance(version, bool):
        _refuse(f"it is of version {json.dumps(version)[:20]}, and this lmdecode reads version {VERSION}")
    model, made, source, serial = (_text(entries, name) for name in ("model", "made", "source", "serial"))
    if model is not None and model not in MODELS:
        _refuse(f'its "model" is not one of {", ".join(MODELS)}')
    return MemoryImage(_memory(entries), model, made, source, serial)


def _memory(entries: Mapping[str, object]) -> Memory:
    memory = Memory()
    for what, row in _listed(entries, "ranges"):
        address, data = _address(row, what), _data(row, what)
        _check_window(address, len(data), what)
        for offset, byte in enumerate(data):
            known = memory.read(address + offset, 1)
            if known is not None and known[0] != byte:
                _refuse(f"{what} says {byte:02x} at 0x{address + offset:04X}, a range before it {known.hex()}")
        memory.write(address, data)
    for what, row in _listed(entries, "regions"):
        region = _region(row, what)
        if any(memory.knows(address) for address in range(region.address, region.end)):
            _refuse(f"{what} has bytes in a range, so reads of it do give bytes")
        if memory.answer_in(region.address, region.length) is not None:
            _refuse(f"{what} overlaps another region")
        memory.mark(region)
    return memory


def _text(entries: Mapping[str, object], name: str) -> str | None:
    value = entries.get(name)
    if value is not None and not isinstance(value, str):
        _refuse(f'"{name}" is not text')
    return value


def _rows(memory: Memory, *, show_secrets: bool) -> Iterator[tuple[int, bytes]]:
    """The known bytes in pieces that begin at multiples of a row, without the secret bytes."""
    for start, data in memory.runs():
        addresses = range(start, start + len(data))
        shown = (address for address in addresses if show_secrets or not touches_secret(address, 1))
        pieces = groupby(enumerate(shown), key=lambda pair: (pair[1] - pair[0], pair[1] // _ROW))
        for _, piece in pieces:
            found = [address for _, address in piece]
            yield found[0], bytes(data[address - start] for address in found)


def _listed(entries: Mapping[str, object], name: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    rows = entries.get(name, [] if name == "regions" else None)
    if not isinstance(rows, list):
        _refuse(f'"{name}" is not a list')
    for number, row in enumerate(rows, 1):
        what = f"{name.removesuffix('s')} {number}"
        if not isinstance(row, dict):
            _refuse(f"{what} is not an object")
        yield what, row


def _address(row: Mapping[str, object], what: str) -> int:
    text = row.get("address")
    if not isinstance(text, str) or not _ADDRESS(text):
        _refuse(f'the "address" of {what} is not text such as "0x4000"')
    return int(text, 16)


def _data(row: Mapping[str, object], what: str) -> bytes:
    text = row.get("data")
    try:
        data = bytes.fromhex(text)  # type: ignore[arg-type]  # a TypeError is caught
    except (TypeError, ValueError):
        _refuse(f'the "data" of {what} is not hex')
    return data


def _region(row: Mapping[str, object], what: str) -> Region:
    address, length = _address(row, what), row.get("length")
    if not isinstance(length, int) or isinstance(length, bool) or length < 1:
        _refuse(f'the "length" of {what} is not a number of bytes')
    _check_window(address, length, what)
    try:
        return Region(address, length, Answer(str(row.get("answer"))))
    except ValueError:
        _refuse(f'the "answer" of {what} is not one of {", ".join(Answer)}')


def _check_window(address: int, length: int, what: str) -> None:
    if address + length > ADDRESS_SPACE:
        _refuse(f"{what} runs past the end of memory (0xFFFF)")


def _refuse(reason: str) -> NoReturn:
    raise MemoryImageError(reason)
