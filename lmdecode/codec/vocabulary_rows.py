"""All rows of the vocabulary, in the order of their files. What they mean is said in `vocabulary`."""

from __future__ import annotations

from collections.abc import Iterator

from lmdecode.codec.vocabulary import Row
from lmdecode.codec.vocabulary_bluetooth import bluetooth_rows
from lmdecode.codec.vocabulary_cloud1 import cloud1_rows
from lmdecode.codec.vocabulary_commands import command_rows
from lmdecode.codec.vocabulary_configuration import configuration_rows
from lmdecode.codec.vocabulary_lion import lion_rows
from lmdecode.codec.vocabulary_stream import stream_rows
from lmdecode.codec.vocabulary_widgets import widget_rows


def all_rows() -> Iterator[Row]:
    """Yield all rows: the newest generation's last, as the columns of a table have them."""
    yield from stream_rows()
    yield from configuration_rows()
    yield from bluetooth_rows()
    yield from cloud1_rows()
    yield from widget_rows()
    yield from lion_rows()
    yield from command_rows()
