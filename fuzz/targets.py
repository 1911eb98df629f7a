"""The parsers, and what must hold of each whatever it is given.

A target takes bytes and returns if all is well. It may raise nothing: a `LmdecodeError`, the one kind of error that
parsers promise, is caught in it. That nothing crashes is the least; where more can be said (no byte is lost, what was
written reads back) the target says it.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import orjson
from hypothesis import strategies as st

from fuzz.inputs import damaged, damaged_json
from fuzz.seeds import (
    CONDITIONS,
    CONFIG,
    EK_EXPORTS,
    EXPORTS,
    HAR,
    IMAGE,
    LOG,
    MESSAGES,
    PCAPNGS,
    PCAPS,
    RANGES,
    RAW_LAYERS,
)
from lmdecode.analysis import filters
from lmdecode.app.explain import read_quoted
from lmdecode.capture import decode_capture
from lmdecode.capture.source import OpenCapture
from lmdecode.cloud.extraction import extract
from lmdecode.cloud.har import read_har
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
from lmdecode.config.file import load_config, machine_entries, problems
from tests.capture.building import KEY_TEXT, START_NS, new_decoder, seal


class Target(NamedTuple):
    """A parser under test."""

    name: str
    inputs: st.SearchStrategy[bytes]
    check: Callable[[bytes], object]
    """Raises if the parser does something that it must not."""


TARGETS: list[Target] = []


def _target(
    name: str, inputs: st.SearchStrategy[bytes]
) -> Callable[[Callable[[bytes], None]], Callable[[bytes], None]]:
    """Make a check a target."""

    def add(check: Callable[[bytes], None]) -> Callable[[bytes], None]:
        TARGETS.append(Target(name, inputs, check))
        return check

    return add


def _sound(record: Record) -> None:
    """A Record can be written down, and says of its data what its length says."""
    line = record.as_dict()
    assert orjson.loads(orjson.dumps(line)) == json.loads(json.dumps(line))
    assert record.data is None or len(record.data) % 2 == 0


# ---- the protocol


@_target(
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


@_target(
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
        _sound(record)


@_target("message", damaged([text.encode() for text in MESSAGES], [b"R", b"W", b"Z", b"OK", b"0", b"FFFF", b"\0" * 5]))
def _message(data: bytes) -> None:
    """What has nothing wrong with it is built again from what it says, but for the padding."""
    parsed = parse_leniently(data)
    if not parsed.problems:
        assert parsed.message is not None
        assert build(parsed.message).upper() == data.rstrip(b"\0").upper()


@_target(
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


@_target(
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
            _sound(record)


@_target("pcap", damaged(PCAPS))
def _pcap(data: bytes) -> None:
    _decodes(data)


@_target("pcapng", damaged(PCAPNGS))
def _pcapng(data: bytes) -> None:
    _decodes(data)


@_target("tshark-json", damaged_json([*EXPORTS, RAW_LAYERS]))
def _tshark_json(data: bytes) -> None:
    _decodes(data)


@_target("tshark-ek", damaged(EK_EXPORTS, [b"\n", b"[", b"]", b'"', b"{", b"}", b"null", b":"]))
def _tshark_ek(data: bytes) -> None:
    _decodes(data)


@_target(
    "lmdirect-log",
    damaged([LOG, LOG.decode().encode("utf-16")], [b"\n", b"Message=", b", Data=", b"None", b"\x1b[0m"]),
)
def _lmdirect_log(data: bytes) -> None:
    _decodes(data)


# ---- files


@_target("har", damaged_json([HAR]))
def _har_file(data: bytes) -> None:
    with contextlib.suppress(LmdecodeError):
        for exchange in read_har(io.BytesIO(data)):
            assert KEY_TEXT not in repr(extract(exchange))


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for as long as the program runs."""
    return tempfile.TemporaryDirectory(prefix="fuzz-")


@_target(
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


@_target("memory-image", damaged_json([IMAGE]))
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


@_target(
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


@_target("ranges", damaged(RANGES, [b"+", b"-", b"..", b" ", b"0x", b"10000", b"99999999999999999999"]))
def _ranges(data: bytes) -> None:
    """A range has bytes, and all of them are in the memory."""
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(LmdecodeError):
        found = address_range(text)
        assert 0 <= found.start < found.stop <= 0x10000
    with contextlib.suppress(LmdecodeError):
        for piece in address_ranges(text.split()):
            assert 0 <= piece.start < piece.stop <= 0x10000
