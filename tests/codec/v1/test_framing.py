"""Frames in byte streams: however they are cut, whatever stands between them."""

from __future__ import annotations

import base64
import itertools
import random
import re
import time
from dataclasses import replace
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lmdecode.codec.errors import FrameError
from lmdecode.codec.v1 import framing
from lmdecode.codec.v1.framing import MAX_FRAME_SIZE, Deframer, Frame, Skipped, unwrap, wrap

JUNK_CHUNK = 64 * 1024
LIMITS = {"MAX_FRAME_SIZE": MAX_FRAME_SIZE, "_SKIP_CHUNK": JUNK_CHUNK, "_JOINED_CHUNK": 1 << 20}

streams = st.lists(
    st.sampled_from([b"@", b"%", b"@%", b"A", b"bc", b"==", b"\0", b"\xff", b"@QUJD%"]), max_size=60
).map(b"".join)


@st.composite
def cut_streams(draw) -> tuple[bytes, list[bytes]]:
    stream = draw(streams)
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return stream, [stream[start:end] for start, end in itertools.pairwise([0, *cuts, len(stream)])]


def events_of(pieces, deframer: Deframer | None = None) -> list[Frame | Skipped]:
    deframer = deframer or Deframer()
    events = [event for piece in pieces for event in deframer.feed(piece)]
    return events + deframer.flush()


def byte_by_byte(stream: bytes, limits: dict[str, int] = LIMITS) -> list[Frame | Skipped]:
    """What the Deframer should do, as slow and plain as can be: cut the stream; where too much is short, join."""
    found: list[Frame | Skipped] = []
    events: list[Frame | Skipped] = []
    end = cut_plainly(stream, limits, events)
    short = 0
    for event in events:
        if len(event.raw) >= framing.SHORTEST_FRAME:
            short = 0
        elif short < framing._SHORT_EVENTS:
            short += 1
        else:
            roomy = framing._ROOMY_START(stream, start := event.position)
            stop = len(stream) if roomy is None else roomy.start()
            while stop - (framing._ROOM if roomy is None else 0) - start >= limits["_JOINED_CHUNK"]:
                found.append(Skipped(start, stream[start : start + limits["_JOINED_CHUNK"]]))
                start += limits["_JOINED_CHUNK"]
            found += [Skipped(start, stream[start:stop])] if start < stop else []
            behind = byte_by_byte(stream[stop:], limits)
            return found + [replace(each, position=each.position + stop) for each in behind]
        found.append(event)
    return found + end  # the end of a stream joins nothing


def cut_plainly(stream: bytes, limits: dict[str, int], events: list[Frame | Skipped]) -> list[Frame | Skipped]:
    held, start, in_frame = b"", 0, False
    for position, code in enumerate(stream):
        byte = bytes([code])
        if byte == b"@" and not held.strip(b"@"):
            start = start if held else position
            held, in_frame = held + byte, True
            if len(held) == limits["_JOINED_CHUNK"]:
                events.append(Skipped(start, held))
                held, in_frame = b"", False
            continue
        if in_frame and len(held) > 1 and not held.strip(b"@"):  # the last of them begins the frame
            events.append(Skipped(start, held[:-1]))
            held, start = b"@", position - 1
        if byte == b"@":
            events.append(Skipped(start, held))
            held, start, in_frame = byte, position, True
            continue
        start = start if held else position
        held += byte
        if in_frame and byte == b"%":
            events.append(Frame(start, held[1:-1]))
        elif len(held) == limits["MAX_FRAME_SIZE" if in_frame else "_SKIP_CHUNK"]:
            events.append(Skipped(start, held))
        else:
            continue
        held, in_frame = b"", False
    return [Skipped(start, held)] if held else []


@given(st.binary(max_size=100))
def test_wrap_and_unwrap(ciphertext):
    wrapped = wrap(ciphertext)
    assert wrapped == b"@" + base64.b64encode(ciphertext) + b"%"
    assert unwrap(wrapped[1:-1]) == ciphertext


@pytest.mark.parametrize("body", [b"A", b"AB", b"ABC", b"AB=C", b"AB!D", b"ABCD\n", b" ABCD", b"=ABC", b"\xff" * 4])
def test_a_body_that_is_not_base64_is_refused(body):
    with pytest.raises(FrameError, match="not base64"):
        unwrap(body)


@given(cut_streams())
@example((b"@@%%", [b"@", b"@%", b"%"]))
@example((b"a@b", [b"a@b", b""]))
def test_any_split_gives_the_same_events(cut):
    stream, pieces = cut
    assert events_of(pieces) == events_of([stream]) == byte_by_byte(stream)


@given(
    cut_streams(),
    st.fixed_dictionaries(
        {
            "MAX_FRAME_SIZE": st.integers(2, 12),
            "_SKIP_CHUNK": st.integers(1, 12),
            "_JOINED_CHUNK": st.integers(2, 12),
            "_SHORT_EVENTS": st.integers(0, 4),
            "SHORTEST_FRAME": st.integers(2, 9),
        }
    ),
)
def test_any_split_gives_the_same_events_at_the_limits(cut, limits):
    stream, pieces = cut
    room = limits["SHORTEST_FRAME"] - 2
    roomy = re.compile(rb"@[^@%%]{%d}" % room).search
    with mock.patch.multiple(framing, **limits, _ROOM=room, _ROOMY_START=roomy):
        assert events_of(pieces) == events_of([stream]) == byte_by_byte(stream, limits)


@given(cut_streams())
def test_every_byte_comes_out_once_and_where_it_was(cut):
    stream, pieces = cut
    events = events_of(pieces)
    assert b"".join(event.raw for event in events) == stream
    position = 0
    for event in events:
        assert event.position == position
        position += len(event.raw)


@given(cut_streams())
def test_the_frames_are_those_that_a_regular_expression_finds(cut):
    stream, pieces = cut
    with mock.patch.object(framing, "_SHORT_EVENTS", len(stream)):
        frames = [event.body for event in events_of(pieces) if isinstance(event, Frame)]
    assert frames == re.findall(rb"@([^@%]*)%", stream)


@pytest.mark.parametrize("filler", [b"@", b"@A", b"@%", b"x@", b"%x@%", b"%", b"@abc%"])
def test_what_is_shorter_than_any_frame_comes_out_together(filler):
    """A megabyte of it makes a few events, and not one a byte; a frame behind it is found as ever."""
    stream = (filler * (1 << 20))[: 1 << 20] + b"@" + b"A" * 24 + b"%"
    events = events_of([stream[start : start + 1460] for start in range(0, len(stream), 1460)])
    assert b"".join(event.raw for event in events) == stream
    assert events[-1] == Frame(1 << 20, b"A" * 24)
    assert len(events) <= framing._SHORT_EVENTS + 2 + (1 << 20) // JUNK_CHUNK
    assert sum(isinstance(event, Frame) for event in events) <= framing._SHORT_EVENTS + 1


def test_a_megabyte_of_frame_starts_is_one_event():
    assert events_of([b"@" * (1 << 20)]) == [Skipped(0, b"@" * (1 << 20))]


def test_frames_come_out_as_soon_as_they_are_whole():
    deframer = Deframer()
    assert deframer.feed(b"@QUJ") == []
    assert deframer.pending == 4
    assert deframer.feed(b"D%@QUJD%x@Q") == [Frame(0, b"QUJD"), Frame(6, b"QUJD"), Skipped(12, b"x")]
    assert deframer.pending == 2
    assert deframer.feed(b"") == []
    assert deframer.flush() == [Skipped(13, b"@Q")]
    assert deframer.pending == 0
    assert deframer.flush() == []


def test_a_new_frame_may_begin_before_the_last_one_ends():
    assert events_of([b"@QUJ@QUJD%"]) == [Skipped(0, b"@QUJ"), Frame(4, b"QUJD")]


def test_positions_go_on_after_missing_bytes():
    deframer = Deframer(position=100)
    assert deframer.feed(b"@QU") == []
    assert deframer.flush() == [Skipped(100, b"@QU")]
    deframer.skip(50)
    assert deframer.feed(b"JD%@QUJD%") == [Skipped(153, b"JD%"), Frame(156, b"QUJD")]


@pytest.mark.parametrize("piece_size", [1 << 20, 65536, 1460, 999])
@pytest.mark.parametrize("size", [MAX_FRAME_SIZE - 1, MAX_FRAME_SIZE, MAX_FRAME_SIZE + 1, MAX_FRAME_SIZE + 5])
def test_the_longest_frame(size, piece_size):
    stream = b"@" + b"A" * (size - 2) + b"%" + b"@QUJD%"
    events = events_of([stream[start : start + piece_size] for start in range(0, len(stream), piece_size)])
    assert events[-1] == Frame(size, b"QUJD")
    if size <= MAX_FRAME_SIZE:
        assert events[:-1] == [Frame(0, b"A" * (size - 2))]
    else:
        rest = size - MAX_FRAME_SIZE
        assert events[:-1] == [Skipped(0, stream[:MAX_FRAME_SIZE]), Skipped(MAX_FRAME_SIZE, stream[size - rest : size])]


def test_the_longest_message_fits_a_frame():
    longest = 1 + 4 + 4 + 2 * 0xFFFF + 2
    padded = longest + -longest % 16
    assert len(wrap(bytes(padded))) == 174_786
    assert len(wrap(bytes(padded))) <= MAX_FRAME_SIZE


@pytest.mark.parametrize("piece_size", [1 << 20, 65536, 65535, 1460])
@pytest.mark.parametrize("size", [JUNK_CHUNK - 1, JUNK_CHUNK, JUNK_CHUNK + 1, 3 * JUNK_CHUNK + 7])
def test_junk_is_handed_on_in_chunks(size, piece_size):
    junk = random.Random(size).randbytes(size).replace(b"@", b"%")
    stream = junk + b"@QUJD%"
    deframer = Deframer()
    events = []
    for start in range(0, len(stream), piece_size):
        events += deframer.feed(stream[start : start + piece_size])
        assert deframer.pending < JUNK_CHUNK
    assert events[-1] == Frame(size, b"QUJD")
    assert [len(event.raw) for event in events[:-1]] == [
        min(JUNK_CHUNK, size - start) for start in range(0, size, JUNK_CHUNK)
    ]
    assert b"".join(event.raw for event in events[:-1]) == junk


@pytest.mark.no_cover  # it measures time
@pytest.mark.parametrize("filler", [b"A", b"@", b"%", b"@A", b"\0"])
def test_memory_is_bounded(filler):
    deframer = Deframer()
    for _ in range(7):
        deframer.feed(b"@" + (filler * 40_000)[:40_000])
        assert deframer.pending <= (1 << 20) + MAX_FRAME_SIZE


def seconds(stream: bytes, piece_size: int) -> float:
    def once() -> float:
        pieces = [stream[start : start + piece_size] for start in range(0, len(stream), piece_size)]
        deframer = Deframer()
        started = time.process_time()
        for piece in pieces:
            deframer.feed(piece)
        return time.process_time() - started

    return min(once() for _ in range(3))


@pytest.mark.parametrize(
    ("pattern", "size", "piece_size"),
    [
        (b"A", 200_000, 1),
        (b"%", 200_000, 1),
        (b"@", 80_000, 1),
        (b"@QUJD%", 80_000, 1),
        (b"@QUJD%", 200_000, 1 << 20),
        (b"A@", 80_000, 1460),
    ],
    ids=["unfinished", "junk", "starts", "frames", "frames at once", "starts in segments"],
)
def test_time_is_linear(pattern, size, piece_size):
    stream = (b"@" + pattern * size)[:size]
    small, large = seconds(stream[: size // 4], piece_size), seconds(stream, piece_size)
    # Four times the bytes: four times the time if linear, sixteen times if every byte looks at those before it.
    assert large < 9 * small + 0.02
