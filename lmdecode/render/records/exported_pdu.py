"""The decrypted messages as packets that Wireshark hands to a dissector by name: its "Exported PDU" files.

Each packet begins with tags, type and length and value: the dissector's name and the addresses. They are in
Wireshark's epan/exported_pdu.h (wsutil/exported_pdu_tlvs.h since 4.2); the numbers are the same in all versions.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import BinaryIO, Final

from lmdecode.codec.record import Record, Sender
from lmdecode.render.records import OneByOne, OutputFormat, Style
from lmdecode.render.records.pcapng import PcapngWriter
from lmdecode.render.sentence import sentences

DISSECTOR: Final = "lamarzocco"
"""The name of the dissector of v1, and of the protocol in display filters."""

_OURS: Final = "v1"  # the generation that our dissector reads; the others speak JSON, which Wireshark knows
_JSON: Final = "json"
_TEXT: Final = "data-text-lines"
_BYTES: Final = "data"

_LINKTYPE_WIRESHARK_UPPER_PDU: Final = 252
_END: Final = 0
_DISSECTOR_NAME: Final = 12  # named PROTO_NAME before Wireshark 4.0
_ADDRESSES: Final = {4: (20, 21), 6: (22, 23)}  # by IP version: source, destination
_PORT_TYPE: Final = 24
_PORTS: Final = (25, 26)
_DIRECTION: Final = 35
_TCP: Final = 2
_SENT_OR_RECEIVED: Final[dict[Sender, int]] = {"app": 0, "machine": 1}
_TAG: Final = struct.Struct(">HH")


def write(file: BinaryIO, records: Iterable[Record]) -> None:
    """Write Records as a pcapng of decrypted messages, as `ExportedPduWriter` does."""
    writer = ExportedPduWriter(file)
    for record in records:
        writer.write(record)


class ExportedPduWriter:
    """Writes Records as a pcapng of decrypted messages, one packet each, to a binary file.

    A packet's payload is the plaintext, its secrets masked as in the Record; without one, the bytes as captured, or
    nothing for a gap. The problems of a Record stand in the packet's comments. Messages of the newer generations are
    handed to Wireshark's dissectors of JSON and of text; what they say in our words stands in the comments too.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._writer = PcapngWriter(file)

    def write(self, record: Record) -> None:
        """Write one. What has no dissector of ours says in its comments what it is."""
        comments = list(sentences(record)) if record.problems or record.generation != _OURS else []
        self._writer.write(record.time_ns, _LINKTYPE_WIRESHARK_UPPER_PDU, packet(record), comments=comments)


def packet(record: Record) -> bytes:
    """A Record as one packet: tags, then its plaintext, or else its raw bytes, or else what it is about."""
    payload = (record.raw or b"") if record.plaintext is None else record.plaintext.encode("utf-8", "replace")
    dissector = DISSECTOR
    if record.generation != _OURS:
        if record.plaintext is None and record.raw is None and record.subject is not None:
            payload = record.subject.encode("utf-8", "replace")
        dissector = _dissector_of(payload, is_text=record.raw is None)
    return _tags(dissector, record.sender, record.source, record.destination) + payload


def _dissector_of(payload: bytes, *, is_text: bool) -> str:
    """Return the name of Wireshark's own dissector for a message of JSON, for another text, or for bytes."""
    if not is_text:
        return _BYTES
    return _JSON if payload[:1] in {b"{", b"["} else _TEXT


@lru_cache(maxsize=1024)
def _tags(dissector: str, sender: Sender, source: str, destination: str) -> bytes:
    """The tags of everything that one side of a connection sends."""
    tags = [_tag(_DISSECTOR_NAME, dissector.encode())]
    ends = [_address_and_port(end) for end in (source, destination)]
    for index, (address, _) in enumerate(ends):
        if address is not None:
            tags.append(_tag(_ADDRESSES[address.version][index], address.packed))
    tags.append(_tag(_PORT_TYPE, _TCP.to_bytes(4, "big")))
    tags += [_tag(number, port.to_bytes(4, "big")) for number, (_, port) in zip(_PORTS, ends, strict=True)]
    tags += [_tag(_DIRECTION, _SENT_OR_RECEIVED[sender].to_bytes(4, "big")), _tag(_END, b"")]
    return b"".join(tags)


def _address_and_port(end: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address | None, int]:
    """Both from host:port; no address, or port 0, where a Record has only a name."""
    host, _, port = end.rpartition(":")
    if ":" in host and not host.startswith("["):  # an address of Bluetooth
        return None, 0
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        address = None
    return address, int(port) if port.isdecimal() and int(port) <= 0xFFFF else 0


def _tag(number: int, value: bytes) -> bytes:
    padded = value + bytes(-len(value) % 4)
    return _TAG.pack(number, len(padded)) + padded


class _Packets(OneByOne):
    """Writes packets to a file of bytes."""

    def __init__(self, file: BinaryIO, _style: Style) -> None:
        self.flush = self.close = file.flush
        self.write = ExportedPduWriter(file).write


FORMAT: Final = OutputFormat(open=_Packets, binary=True)
