"""tshark's exports as JSON: `-T json`, `-T jsonraw` and `-T ek`.

The first two are one list with an object for each packet, the third has an object on each line. The segments in them
are as good as those of the capture that was exported, if all fields were.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import Any, Final

from lmdecode.capture.formats import Format
from lmdecode.capture.formats._json_parts import JsonParts
from lmdecode.capture.net.packet import Segment
from lmdecode.capture.source import LONGEST, CaptureStatistics


def read_lines(source: JsonParts, is_wanted: Callable[[bytes], bool]) -> Iterator[list[Any]]:
    """The packets' objects of `-T ek`, in order, as many at a time as one read brought.

    `-T ek` is made for Elasticsearch: before each packet stands a line that says where it is to be indexed.

    Args:
        source: At the beginning.
        is_wanted: Called with a line. If it returns False, the line is not parsed, and SKIPPED comes in its place.

    Returns:
        None in place of a line that is not JSON.

    Raises:
        BrokenJsonError: The file could not be read to its end.
    """
    from orjson import loads  # noqa: PLC0415 -- this module is loaded for every capture

    from lmdecode.capture.formats._json_items import SKIPPED, BrokenJsonError  # noqa: PLC0415 -- as above

    for lines in source.lines():
        items: list[Any] = []
        for line in lines:
            if line.startswith(b'{"index"') or not line.strip():
                continue
            try:
                item = loads(line) if is_wanted(line) else SKIPPED
            except ValueError:
                if source.pass_over(line):
                    continue
                item = None
            if isinstance(item, dict) and "layers" not in item and item.keys() & {"index", "create"}:
                continue
            items.append(item)
        yield items
    if source.failure:
        raise BrokenJsonError(source.failure)


_PROGRESS_STEP: Final = 1 << 20  # bytes
_JSON: Final = re.compile(rb'\s*+(?:\{\s*+["}]|\[\s*+(?:[\[{"\]]|-?\d+\s*+,|\Z))')
_JSON_LINES: Final = re.compile(rb"\s*+\{[^\n]*\}[^\S\n]*+\n\s*+\{")
_PACKET: Final = (
    rb"""\{\s*+"(?:_(?:index|source)"\s*+:|index"\s*+:\s*+\{|timestamp"\s*+:\s*+"[^"\\]{0,64}"\s*+,\s*+"layers)"""
)
_PACKETS: Final = re.compile(rb"\s*+(?:\[\s*+)?" + _PACKET)
# Behind text: a list, even if a program's text before it has no end of line; else at the beginning of a line.
_BEGINS: Final = re.compile(rb"\[\s*+" + _PACKET + rb"|^[ \t\r]*+(?:" + _PACKET + rb"|\[\s*+\]\s*+\Z)", re.MULTILINE)


def read_tshark_json(  # noqa: C901 -- the loop that all packets go through
    file: BufferedReader,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None = None,
    ports: frozenset[int] | None = None,
) -> Iterator[list[Segment]]:
    """The TCP segments of some ports, as many at a time as one read brought.

    A file that begins as a list is read as `-T json` or `-T jsonraw`, any other as `-T ek`.

    Args:
        file: At its beginning.
        statistics: Gets the number of packets, the bytes read, warnings and notes.
        progress: Called now and then with the position in the file, in bytes.
        ports: The TCP ports; None for all.

    Raises:
        CaptureError: It is JSON, but not as tshark exports it, or lacks fields that are needed.
    """
    from lmdecode.capture.formats._json_items import (  # noqa: PLC0415 -- this module is loaded for every capture
        LONG,
        SKIPPED,
        BrokenJsonError,
        DeepJsonError,
        LongJsonError,
        read_items,
    )
    from lmdecode.capture.formats._tshark_layers import FOREIGN, LayerReader  # noqa: PLC0415 -- as above

    source = JsonParts(file, packets_begin)
    layers = LayerReader(str(file.name), ports)
    read = layers.read
    reported = long = 0
    goes_on = source.begin()
    while goes_on:
        try:
            for items in (read_items if source.is_list else read_lines)(source, layers.is_wanted):
                statistics.packets += len(items)
                statistics.bytes_read = source.position
                if progress is not None and source.position - reported >= _PROGRESS_STEP:
                    reported = source.position
                    progress(reported)
                if LONG in items:
                    long += items.count(LONG)
                    items = [item for item in items if item is not LONG]  # noqa: PLW2901
                segments = [segment for item in items if item is not SKIPPED and (segment := read(item)) is not None]
                if segments:
                    yield segments
            goes_on = source.begin()
        except BrokenJsonError as error:
            if isinstance(error, DeepJsonError) and not layers.good:
                raise layers.refusal(FOREIGN) from None
            what = f"cannot be read further ({source.failure})" if source.failure else "is cut off or damaged"
            if isinstance(error, LongJsonError):
                what = f"cannot be read further ({error})"
            goes_on = not source.failure and source.resume()
            rest = "it goes on with the list that begins behind that" if goes_on else "all before it was decoded"
            statistics.warn(f"the JSON {what} after packet {statistics.packets:,}; {rest}")
    if long:
        packets = "1 packet whose JSON is" if long == 1 else f"{long:,} packets whose JSON is"
        statistics.warnings.append(f"{packets} longer than {LONGEST >> 20} MB could not be read")
    statistics.warnings += source.warnings + layers.warnings()
    statistics.notes += layers.notes() + source.all_notes()
    statistics.bytes_read = source.position
    if progress is not None:
        progress(source.position)


def _is_export(text: bytes) -> bool:
    """Return True for JSON, unless each line is an object of its own: so programs write logs."""
    return _JSON.match(text) is not None and _JSON_LINES.match(text) is None


def is_packets(text: bytes) -> bool:
    """Return True for text that begins as a packet of tshark's does, whose data can look like a line of a log."""
    return _PACKETS.match(text) is not None


def packets_begin(text: bytes) -> int | None:
    """Return where in a text the packets of an export begin; None if there are none."""
    match = _BEGINS.search(text)
    return None if match is None else match.start()


FORMAT: Final = Format(
    "tshark's exports -T json, -T jsonraw and -T ek",
    written_by="tshark",
    lacks="information about gaps, since Wireshark has reassembled the data; -T jsonraw also times",
    finds=packets_begin,
    takes=_is_export,
    segments=read_tshark_json,
)
