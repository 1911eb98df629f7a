"""The capture itself, with what each packet says as its comments: any Wireshark shows them, with no plugin.

A comment is one line, since Wireshark's details pane runs the lines of a comment together, and cuts each comment off
at some 240 characters (`tshark -T fields -e frame.comment` has them whole).

Packets keep their bytes, lengths and times. Comments, interface names and the like that the capture had are not
carried over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn

from lmdecode.codec.record import Record
from lmdecode.render.records import OutputFormat, Style
from lmdecode.render.sentence import sentences
from lmdecode.render.wireshark.pcapng_writer import PcapngWriter

if TYPE_CHECKING:
    from lmdecode.capture.net.packet import Packet


def write(file: BinaryIO, packets: Iterable[tuple[Packet | None, Sequence[Record]]]) -> None:
    """Write packets as pcapng, with comments that say in words what each completes, one or more a Record.

    Records that come without a packet, since the capture ended before they were whole, are told by comments of the
    packet before them, as what was left at the end; therefore one packet is held back.

    Args:
        file: To write to.
        packets: Each packet with the Records that it completes, in the order of the file.
    """
    writer = PcapngWriter(file)
    last: Packet | None = None
    comments: list[str] = []
    try:
        for packet, records in packets:
            if packet is None:
                comments += _left_over(records)
                continue
            if last is not None:
                writer.write(last.time_ns, last.link_type, last.data, last.original_length, comments)
            last = packet
            comments = [line for record in records for line in sentences(record)]
    finally:  # a capture that cannot be read any further has its last packet too
        if last is not None:
            writer.write(last.time_ns, last.link_type, last.data, last.original_length, comments)


def _left_over(records: Sequence[Record]) -> Iterator[str]:
    for record in records:
        yield f"left at the end of the capture, connection {record.stream}, {record.source} to {record.destination}:"
        yield from sentences(record)


def _of_packets(_file: Any, _style: Style) -> NoReturn:  # noqa: ANN401 -- never used
    raise AssertionError("a format of packets has no writer of records")


FORMAT: Final = OutputFormat(open=_of_packets, binary=True, of_packets=True)
