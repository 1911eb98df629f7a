"""The packets in the lines of `tshark -T ek`.

They are made for Elasticsearch, so before each packet stands a line that names its index. A packet comes out as soon as
its line is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from orjson import loads

from lmdecode.capture.formats._json_items import SKIPPED, BrokenJsonError
from lmdecode.capture.text_input import TextInput

__all__ = ["read_lines"]


def read_lines(source: TextInput, is_wanted: Callable[[bytes], bool]) -> Iterator[list[Any]]:
    """The packets' objects in order, as many at a time as came at once; None for a line that is none.

    Args:
        source: Where to read.
        is_wanted: Whether a line can be a packet that is asked for. SKIPPED comes in place of one that cannot.

    Raises:
        BrokenJsonError: The file could not be read to its end.
    """
    for lines in source.lines():
        items: list[Any] = []
        for line in lines:
            if line.startswith(b'{"index"') or not line.strip():
                continue
            try:
                item = loads(line) if is_wanted(line) else SKIPPED
            except ValueError:
                item = None
            if isinstance(item, dict) and "layers" not in item and item.keys() & {"index", "create"}:
                continue
            items.append(item)
        yield items
    if source.failure:
        raise BrokenJsonError(source.failure)
