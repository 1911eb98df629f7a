"""Flows that mitmproxy saved: HTTP and WebSocket with the cloud, and TCP connections with machines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import TYPE_CHECKING, BinaryIO, Final

from lmdecode.capture.formats import Format
from lmdecode.capture.source import CaptureError, CaptureStatistics
from lmdecode.codec.record import Record
from lmdecode.codec.speakers import Speakers

if TYPE_CHECKING:
    from mitmproxy.flow import Flow

    from lmdecode.capture.formats._recorded_http import Take
    from lmdecode.capture.http.exchange import Exchange
    from lmdecode.capture.http.recording import Recording

# The length of a flow, and the first of its names with the length of the value, in either of mitmproxy's ways.
_BEGINS: Final = re.compile(rb"\s*+[1-9]\d{1,11}:\d{1,3}:[a-z_]{1,40}[;,]\d{1,12}:")


def read_saved_flows(
    file: BufferedReader,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None,
    speakers: Speakers,
    capture: str | None = None,
) -> Iterator[Record]:
    """Read the messages of saved flows. Args are those of `read_recorded`.

    Raises:
        CaptureError: There is no message in it, or mitmproxy is not installed.
    """
    from lmdecode.capture.formats._recorded_http import read_recorded  # noqa: PLC0415 -- for few captures

    try:
        from lmdecode.capture.http.flow import MachineBytes, recorded  # noqa: PLC0415 -- it loads mitmproxy
        from lmdecode.capture.http.saved_flows import read_flows  # noqa: PLC0415 -- as above
    except ModuleNotFoundError:
        from lmdecode.extras import install_command  # noqa: PLC0415 -- only where something is missing

        raise CaptureError(
            f"{file.name} has flows that mitmproxy saved, and mitmproxy, which reads them, is not installed beside "
            f"lmdecode: {install_command('mitm')}"
        ) from None

    def things(source: BinaryIO, recording: Recording) -> Iterator[Exchange | Take]:
        def of(flow: Flow) -> Exchange | MachineBytes | None:
            return recorded(flow, speakers.ports, recording.is_wanted)

        found: Iterator[Exchange | MachineBytes] = read_flows(source, of)
        for each in found:
            if isinstance(each, MachineBytes):
                yield _taking(each)
            else:
                yield each

    def _taking(each: MachineBytes) -> Take:
        return lambda recording: recording.take_bytes(*each)

    return read_recorded(file, statistics, progress, speakers, capture, things)


def _begins(text: bytes) -> int | None:
    return 0 if _BEGINS.match(text) else None


FORMAT: Final = Format(
    "flows that mitmproxy saved",
    written_by="mitmproxy, mitmdump, mitmweb",
    finds=_begins,
    records=read_saved_flows,
)
