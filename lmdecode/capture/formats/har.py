"""HTTP archives (HAR), as browsers and proxies export them, and Charles' sessions as JSON (.chlsj)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import TYPE_CHECKING, BinaryIO, Final

from lmdecode.capture.formats import Format
from lmdecode.capture.source import CaptureStatistics
from lmdecode.codec.record import Record
from lmdecode.codec.speakers import Speakers

if TYPE_CHECKING:
    from lmdecode.capture.http.exchange import Exchange
    from lmdecode.capture.http.recording import Recording

# Names that stand at the beginning of an archive's `log`; other programs' logs have an object of this name too.
_LOG: Final = rb'"log"\s*+:\s*+\{\s*+"(?:version|creator|browser|pages|entries|comment|_[a-z]{1,40})"'
_ENTRIES: Final = rb'"entries"\s*+:\s*+\[\s*+\{[^\[\]{}]{0,4096}"request"\s*+:'
_CHARLES: Final = rb'\[\s*+\{\s*+"status"\s*+:\s*+"[A-Z_]{1,40}"\s*+,\s*+"method"\s*+:'
_BEGINS: Final = re.compile(rb"\s*+(?:\{\s*+(?:%b|%b)|%b)" % (_LOG, _ENTRIES, _CHARLES))


def read_archive(
    file: BufferedReader,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None,
    speakers: Speakers,
    capture: str | None = None,
) -> Iterator[Record]:
    """Read the messages of an archive. Args and errors are those of `read_recorded`."""
    from lmdecode.capture.formats._recorded_http import read_recorded  # noqa: PLC0415 -- for few captures
    from lmdecode.capture.http.har import read_har  # noqa: PLC0415 -- as above

    def exchanges(source: BinaryIO, recording: Recording) -> Iterator[Exchange]:
        return read_har(source, statistics.notes.append, recording.is_wanted)

    return read_recorded(file, statistics, progress, speakers, capture, exchanges)


def _begins(text: bytes) -> int | None:
    return 0 if _BEGINS.match(text) else None


FORMAT: Final = Format(
    "HTTP archives (HAR)",
    written_by="browsers, mitmproxy, Charles, Proxyman, HTTP Toolkit",
    lacks="WebSocket messages, where the program does not write them",
    finds=_begins,
    records=read_archive,
)
