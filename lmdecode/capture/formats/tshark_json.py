"""Segments out of what tshark exported as JSON, one packet at a time: `-T json`, `-T jsonraw` and `-T ek`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import Final

from lmdecode.capture.formats._json_items import SKIPPED, BrokenJsonError, DeepJsonError, read_items
from lmdecode.capture.formats._tshark_ek import read_lines
from lmdecode.capture.formats._tshark_layers import FOREIGN, LayerReader
from lmdecode.capture.net.packet import Segment
from lmdecode.capture.statistics import CaptureStatistics
from lmdecode.capture.text_input import TextInput

__all__ = ["read_tshark_json"]

_PROGRESS_STEP: Final = 1 << 20


def read_tshark_json(
    file: BufferedReader,
    port: int | None,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None = None,
) -> Iterator[list[Segment]]:
    """The TCP segments of one port, or of all if it is None, as many at a time as came at once.

    A list is what `-T json` and `-T jsonraw` print; anything else is taken for the lines of `-T ek`.

    Raises:
        CaptureError: It is JSON, but not of tshark, or lacks what is needed.
    """
    source = TextInput(file)
    layers = LayerReader(str(file.name), port)
    read = layers.read
    reported = 0
    try:
        for items in (read_items if source.is_list else read_lines)(source, layers.is_wanted):
            statistics.packets += len(items)
            statistics.bytes_read = source.position
            if progress is not None and source.position - reported >= _PROGRESS_STEP:
                reported = source.position
                progress(reported)
            segments = [segment for item in items if item is not SKIPPED and (segment := read(item)) is not None]
            if segments:
                yield segments
    except BrokenJsonError as error:
        if isinstance(error, DeepJsonError) and not layers.good:
            raise layers.refusal(FOREIGN) from None
        what = f"cannot be read further ({source.failure})" if source.failure else "is cut off or damaged"
        statistics.warnings.append(f"the JSON {what} after packet {statistics.packets:,}; all before it was decoded")
    statistics.warnings += layers.warnings()
    statistics.notes += layers.notes()
    statistics.bytes_read = source.position
    if progress is not None:
        progress(source.position)
