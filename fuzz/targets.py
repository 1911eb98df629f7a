"""The parsers, and what must hold of each whatever it is given.

A target takes bytes and returns if all is well. It may raise nothing: a `LmdecodeError`, the one kind of error that
parsers promise, is caught in it. That nothing crashes is the least; where more can be said (no byte is lost, what was
written reads back) the target says it.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import tempfile
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from hypothesis import strategies as st

from fuzz.inputs import damaged, damaged_json
from fuzz.seeds import (
    CONDITIONS,
    CONFIG,
    EK_EXPORTS,
    EXPORTS,
    FILES,
    HAR,
    IMAGE,
    LOG,
    MESSAGES,
    PACKETS,
    PCAPNGS,
    PCAPS,
    RANGES,
    RAW_LAYERS,
    RECORDINGS,
    saved_flows,
)
from lmdecode.analysis import filters
from lmdecode.app.explain import read_quoted
from lmdecode.app.recordings import recorded
from lmdecode.capture import decode_capture
from lmdecode.capture.formats._headers import find_header
from lmdecode.capture.http.har import read_har
from lmdecode.capture.net.link import SegmentReader
from lmdecode.capture.net.packet import Endpoint, Packet
from lmdecode.capture.source import OpenCapture
from lmdecode.cloud.extraction import extract
from lmdecode.codec.dialect import Place
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Record, Sender
from lmdecode.codec.v1 import speakers_with
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.framing import Deframer, Frame, Skipped
from lmdecode.codec.v1.image import image_text, parse_image
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.message import build, parse_leniently
from lmdecode.codec.v1.ranges import address_range, address_ranges
from lmdecode.config.check import problems
from lmdecode.config.file import load_config, machine_entries
from lmdecode.simulator.faults import FAULTS, parse_fault
from lmdecode.simulator.script import parse_script
from lmdecode.simulator.v3.faults import V3_FAULTS
from tests.capture.building import KEY_TEXT, START_NS, ethernet, new_decoder, pcap, seal, talk


class Target(NamedTuple):
    """A parser under test."""

    name: str
    inputs: st.SearchStrategy[bytes]
    check: Callable[[bytes], object]
    """Raises if the parser does something that it must not."""


TARGETS: list[Target] = []
PORTS = frozenset({1774})


def target(name: str, inputs: st.SearchStrategy[bytes]) -> Callable[[Callable[[bytes], None]], Callable[[bytes], None]]:
    """Make a check a target."""

    def add(check: Callable[[bytes], None]) -> Callable[[bytes], None]:
        TARGETS.append(Target(name, inputs, check))
        return check

    return add


def sound(record: Record) -> None:
    """A Record can be written down, and says of its data what its length says."""
    line = record.as_dict()
    assert orjson.loads(orjson.dumps(line)) == json.loads(json.dumps(line))
    assert record.data is None or len(record.data) % 2 == 0


# ---- the protocol


@target(
    "deframer",
    damaged(
        [b"".join(map(seal, MESSAGES)), b"@@%%@" + seal(MESSAGES[0]), b"@" + b"A" * 300 + b"%"], [b"@", b"%", b"@%"]
    ),
)
def _deframer(data: bytes) -> None:
    """No byte is lost or made up, and it does not matter in which pieces the bytes come."""
    whole = _events(data, max(1, len(data)))
    assert b"".join(event.raw for event in whole) == data
    for size in (1, 7, 64):
        pieces = _events(data, size)
        assert b"".join(event.raw for event in pieces) == data
        assert [each for each in pieces if isinstance(each, Frame)] == [
            each for each in whole if isinstance(each, Frame)
        ]


def _events(data: bytes, size: int) -> list[Frame | Skipped]:
    deframer, events = Deframer(), list[Frame | Skipped]()
    for start in range(0, len(data), size):
        events += deframer.feed(data[start : start + size])
    events += deframer.flush()
    position = 0
    for event in events:
        assert event.position == position
        position += len(event.raw)
    return events


@target(
    "conversation",
    damaged(
        [
            "\n".join("am"[index % 2] + text for index, text in enumerate(MESSAGES)).encode(),
            b"aR40000020D8\ng8\nM@AAAA%",
        ],
        [b"\na", b"\nm", b"\ng4", b"\nM@", b"%", b"OK", b"NO", *(text.encode() for text in MESSAGES)],
    ),
)
def _conversation(data: bytes) -> None:
    """Each line is said by the app or the machine: `a`, `m` and a plaintext; `A`, `M` and raw bytes; `g` for a gap."""
    conversation = Conversation(new_decoder(), Place(0, "192.168.1.150:36364", "192.168.1.215:1774"))
    records: list[Record] = []
    time_ns = START_NS
    for line in data.split(b"\n"):
        time_ns += 10_000_000
        sender: Sender = "machine" if line[:1] in b"mM" else "app"
        said = line[1:]
        if line[:1] == b"g":
            records += conversation.gap(time_ns, sender, 1 + len(said), "a gap")
        elif line[:1] in b"am":
            records += conversation.receive(time_ns, sender, seal(said.decode("latin-1")))
        else:
            records += conversation.receive(time_ns, sender, said)
    records += conversation.close(time_ns)
    for record in records:
        sound(record)


@target("message", damaged([text.encode() for text in MESSAGES], [b"R", b"W", b"Z", b"OK", b"0", b"FFFF", b"\0" * 5]))
def _message(data: bytes) -> None:
    """What has nothing wrong with it is built again from what it says, but for the padding."""
    parsed = parse_leniently(data)
    if not parsed.problems:
        assert parsed.message is not None
        assert build(parsed.message).upper() == data.rstrip(b"\0").upper()


@target(
    "key",
    damaged(
        [KEY_TEXT.encode(), b"hex:" + KEY_TEXT.encode() * 2, b"base64:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="]
    ),
)
def _key(data: bytes) -> None:
    """A key is 32 bytes, or an error that does not quote it."""
    text = data.decode("utf-8", "replace")
    try:
        key = Key.parse(text)
    except LmdecodeError as error:
        shown = str(error)
    else:
        assert len(key.secret) == 32
        shown = repr(key)
    assert len(text) < 12 or text not in shown


@target(
    "explain", damaged([text.encode() for text in MESSAGES] + [seal(MESSAGES[1]), b"401C000403BC04D8", b"4000 0020"])
)
def _explain(data: bytes) -> None:
    with contextlib.suppress(LmdecodeError):
        read_quoted(data.decode("utf-8", "replace"), new_decoder)


# ---- captures


def _decodes(data: bytes) -> None:
    """A file is a capture, or a CaptureError says why it is not. The Records that could be read are sound."""
    with contextlib.suppress(LmdecodeError):
        for record in decode_capture(OpenCapture(io.BytesIO(data)), speakers_with(new_decoder())):
            sound(record)


@target("pcap", damaged(PCAPS))
def _pcap(data: bytes) -> None:
    _decodes(data)


@target("pcapng", damaged(PCAPNGS))
def _pcapng(data: bytes) -> None:
    _decodes(data)


@target("tshark-json", damaged_json([*EXPORTS, RAW_LAYERS]))
def _tshark_json(data: bytes) -> None:
    _decodes(data)


@target("tshark-ek", damaged(EK_EXPORTS, [b"\n", b"[", b"]", b'"', b"{", b"}", b"null", b":"]))
def _tshark_ek(data: bytes) -> None:
    _decodes(data)


@target(
    "lmdirect-log",
    damaged([LOG, LOG.decode().encode("utf-16")], [b"\n", b"Message=", b", Data=", b"None", b"\x1b[0m"]),
)
def _lmdirect_log(data: bytes) -> None:
    _decodes(data)


# ---- files


@target("har", damaged_json([HAR]))
def _har_file(data: bytes) -> None:
    with contextlib.suppress(LmdecodeError):
        for exchange in read_har(io.BytesIO(data)):
            assert KEY_TEXT not in repr(extract(exchange))


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for as long as the program runs."""
    return tempfile.TemporaryDirectory(prefix="fuzz-")


@target(
    "config",
    damaged_json([CONFIG, {"machines": [CONFIG, CONFIG | {"port": 1774, "key": "hex:" + "31" * 32}]}]),
)
def _config(data: bytes) -> None:
    path = Path(_folder().name) / "config.json"
    path.write_bytes(data)
    with contextlib.suppress(LmdecodeError):
        config = load_config(path)
        for look in (config.key, config.machines):
            with contextlib.suppress(LmdecodeError):
                look()
        problems(config)
        machine_entries(config)


@target("memory-image", damaged_json([IMAGE]))
def _memory_image(data: bytes) -> None:
    """An image that reads is written and read again as the same, but for the secrets in it."""
    with contextlib.suppress(LmdecodeError):
        image = parse_image(data.decode("utf-8", "replace"))
        written = image_text(image)
        again = parse_image(written)
        assert image_text(again) == written
        assert [*again.memory.regions] == [*image.memory.regions]


# ---- words on the command line

_RECORDS = [*decode_capture(OpenCapture(io.BytesIO(PCAPS[0])), speakers_with(new_decoder()))]


@target(
    "where", damaged(CONDITIONS, [b"=", b"!=", b"..", b",", b"*", b">", b"nan", b"inf", b"1e999", b"0x", *CONDITIONS])
)
def _where(data: bytes) -> None:
    """A condition is understood, and decides on any Record, or it is an error of one line."""
    text = data.decode("utf-8", "replace")
    try:
        passes = filters.parse(text)
    except LmdecodeError:
        return
    for record in _RECORDS:
        assert passes(record) in {True, False}


@target("ranges", damaged(RANGES, [b"+", b"-", b"..", b" ", b"0x", b"10000", b"99999999999999999999"]))
def _ranges(data: bytes) -> None:
    """A range has bytes, and all of them are in the memory."""
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(LmdecodeError):
        found = address_range(text)
        assert 0 <= found.start < found.stop <= 0x10000
    with contextlib.suppress(LmdecodeError):
        for piece in address_ranges(text.split()):
            assert 0 <= piece.start < piece.stop <= 0x10000


# ---- packets, and files as they lie about


@target("layers", damaged(PACKETS, [b"\x08\x00", b"\x86\xdd", b"\x81\x00", b"\x88\x47", b"\x06\xee", b"\x45\x00"]))
def _layers(data: bytes) -> None:
    """A packet of any link type has segments or none. The first two bytes are the link type."""
    link_type = int.from_bytes(data[:2], "big")
    packets = [Packet(START_NS, link_type, data[2:], len(data))] * 2
    for ports in (PORTS, None):
        reader = SegmentReader(ports)
        for segment in reader.read_all(packets):
            assert len(segment.payload) <= len(data)
            assert ports is None or {segment.source.port, segment.destination.port} & ports
        assert all("\n" not in each for each in reader.warnings())


class _Pieces(io.RawIOBase):
    """A pipe that has so many bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data = data
        self._size = size

    def read1(self, size: int = -1) -> bytes:
        size = self._size if size < 0 else min(size, self._size)
        piece, self._data = self._data[:size], self._data[size:]
        return piece


def _outcome(file: Any) -> tuple[list[Record], str]:  # noqa: ANN401 -- any file object
    records: list[Record] = []
    try:
        for record in decode_capture(OpenCapture(file), speakers_with(new_decoder())):
            records.append(record)  # noqa: PERF402 -- those before an error count
    except LmdecodeError as error:
        return records, str(error)
    return records, ""


@target("any-file", damaged(FILES, [*FILES[:3], b"\n", b"[", b"]", b"Message=40000020, Data=", b"\r\n", b"\x1f\x8b"]))
def _any_file(data: bytes) -> None:
    """What a file is, and what is in it, does not depend on the pieces in which it comes.

    Of a damaged pcap or pcapng it may: where the next header is looked for depends on what was read already.
    """
    whole = _outcome(io.BytesIO(data))
    if find_header(data) is None or data in FILES:
        for size in (7, 1000):
            assert _outcome(_Pieces(data, size)) == whole


@target("copies", st.binary(max_size=64))
def _copies(data: bytes) -> None:
    """One talk seen at two places: each message comes out once if each packet is seen in one of them, in order.

    Each byte says of one packet who sees it, whether it is seen once more, and how far the two places are apart.
    """
    one, other = talk(5), talk(2, app=Endpoint("192.168.1.151", 36364), seqs=(77_000, 99_000))
    at_router = Endpoint("10.0.0.9", one.segments[0].source.port)
    seen = [(100 * number + 50, segment) for number, segment in enumerate(other.segments)]
    for number, segment in enumerate(one.segments):
        choice = data[number % len(data)] if data else 0
        if choice & 3 != 1:
            seen.append((100 * number, segment))
        if choice & 3 != 2:
            ends = [at_router if each == one.segments[0].source else each for each in segment[1:3]]
            copy = segment._replace(source=ends[0], destination=ends[1])
            seen.append((100 * number + (choice >> 2 & 15) - 8, copy))
        if choice & 0xC0 == 0xC0:
            seen.append((100 * number + 20, segment))
    in_turn = [
        segment._replace(time_ns=START_NS + 1_000_000 * place)
        for place, (_, segment) in enumerate(sorted(seen, key=lambda each: each[0]))
    ]
    records, _ = _outcome(io.BytesIO(pcap([(each.time_ns, ethernet(each)) for each in in_turn])))
    said = sorted(record.plaintext for record in records if record.plaintext)
    alone = [_outcome(io.BytesIO(pcap([(s.time_ns, ethernet(s)) for s in each.segments])))[0] for each in (one, other)]
    assert said == sorted(record.plaintext for records in alone for record in records if record.plaintext)


@target("recording", damaged(RECORDINGS, [b"PK\x03\x04", b"lamarzocco", b'"entries":[', b"raw/1_c.txt"]))
def _recording(data: bytes) -> None:
    """Exchanges come of it or an error, and no secret is shown."""
    path = Path(_folder().name) / "recording"
    path.write_bytes(data)
    with contextlib.suppress(LmdecodeError):
        for exchange in recorded(path, lambda _: iter(()), lambda _: None):
            assert KEY_TEXT not in repr(extract(exchange))


if find_spec("mitmproxy") is not None:

    @target("flow", st.deferred(lambda: damaged(saved_flows(), [b":", b"}", b"9999999:", b"7:version;", b"~", b"!"])))
    def _flow(data: bytes) -> None:
        """Flows come of it or an error."""
        from lmdecode.capture.http.saved_flows import read_saved  # noqa: PLC0415 -- it loads mitmproxy

        with contextlib.suppress(LmdecodeError):
            for exchange in read_saved(io.BytesIO(data)):
                assert KEY_TEXT not in repr(extract(exchange))


@target("script", damaged([b"0 power on\n+5 dose 2 100 # x\n1:30 fault drop\n"], [b"+", b"@", b":", b"1e999", b"nan"]))
def _script(data: bytes) -> None:
    """A script has events in order, or there is an error."""
    with contextlib.suppress(LmdecodeError):
        events = parse_script(data.decode("utf-8", "replace"))
        assert all(math.isfinite(event.seconds) for event in events)


@target("fault", damaged([b"drop", b"delay=2", b"close after 3", b"garbage on read"], [b"=", b":", b"1e999", b"nan"]))
def _fault(data: bytes) -> None:
    for table in (FAULTS, V3_FAULTS):
        with contextlib.suppress(LmdecodeError):
            parse_fault(data.decode("utf-8", "replace"), table)
