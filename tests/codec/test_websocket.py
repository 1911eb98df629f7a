"""A bystander reads one direction of a WebSocket, whole and damaged."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Request, TextMessage
from wsproto.extensions import PerMessageDeflate

from lmdecode.codec.record import Sender
from lmdecode.codec.websocket import (
    MAX_MESSAGE,
    Control,
    Event,
    FrameReader,
    Message,
    Unread,
    find_frame,
    looks_like_frame,
)
from tests.codec.web_building import TEMPERATURES, deflater, frame

GAP = "gap: 3 bytes are not in the capture"


def read(reader: FrameReader, data: bytes) -> list[Event]:
    reader.feed(data)
    return rest(reader)


def rest(reader: FrameReader) -> list[Event]:
    events = []
    while (event := reader.next_event()) is not None:
        events.append(event)
    return events


def test_messages_are_put_together_around_control_frames() -> None:
    data = (
        frame(b'{"a":', final=False)
        + frame(b"?", 9)
        + frame(b"1", 0, final=False)
        + frame(b"", 10)
        + frame(b"}", 0)
        + frame(b"\x00\x01", 2)
        + frame(struct.pack("!H", 1001) + b"bye", 8)
    )
    events = [
        Control("ping", b"?"),
        Control("pong", b""),
        Message(b'{"a":1}', is_text=True),
        Message(b"\x00\x01", is_text=False),
        Control("close", b"\x03\xe9bye"),
    ]
    assert read(FrameReader("machine"), data) == events
    reader = FrameReader("machine")
    assert [event for byte in data for event in read(reader, bytes((byte,)))] == events


def test_the_apps_frames_are_unmasked() -> None:
    data = frame(b"hello", mask=b"\x01\x02\x03\x04") + frame(b"x" * 300, mask=b"abcd")
    reader = FrameReader("app")
    events = [event for start in range(0, len(data), 7) for event in read(reader, data[start : start + 7])]
    assert events == [Message(b"hello", is_text=True), Message(b"x" * 300, is_text=True)]


@pytest.mark.parametrize("takeover", [True, False])
@pytest.mark.parametrize("is_whole", [True, False])
def test_compressed_messages_are_unpacked(*, takeover: bool, is_whole: bool) -> None:
    deflate = deflater(takeover=takeover)
    packed = [deflate(TEMPERATURES) for _ in range(3)]
    data = (
        frame(packed[0][:9], rsv1=True, final=False)
        + frame(packed[0][9:], 0)
        + b"".join(frame(each, rsv1=True) for each in packed[1:])
        + frame(b"{}")
    )
    events = read(FrameReader("machine", is_whole=is_whole), data)
    assert events == [*[Message(TEMPERATURES, is_text=True)] * 3, Message(b"{}", is_text=True)]


def test_a_message_that_refers_to_a_missing_one_is_handed_on_as_it_is() -> None:
    deflate = deflater()
    deflate(TEMPERATURES)
    packed = deflate(TEMPERATURES)
    (event,) = read(FrameReader("machine"), frame(packed, rsv1=True))
    assert event == Unread(
        packed, "a compressed message refers to what is not in the capture, so it cannot be unpacked"
    )
    (event,) = read(FrameReader("machine", is_whole=True), frame(b"\xff" * 9, rsv1=True))
    assert event == Unread(b"\xff" * 9, "a compressed message is damaged, so it cannot be unpacked")


def test_a_sender_without_context_is_read_behind_damage() -> None:
    deflate = deflater(takeover=False)
    data = frame(b"\xff" * 9, rsv1=True) + frame(deflate(TEMPERATURES), rsv1=True)
    assert read(FrameReader("machine", is_whole=True), data)[1] == Message(TEMPERATURES, is_text=True)


def test_nothing_is_guessed_when_a_message_in_between_is_lost() -> None:
    """With context, a later message may say where to copy from in what was lost; it must not copy from elsewhere."""
    deflate = deflater()
    texts = [b'[{"a":%d,"b":"%s"}]' % (number, bytes([97 + number]) * 40) for number in range(6)]
    packed = [deflate(text) for text in texts]
    reader = FrameReader("machine", is_whole=True)
    events = read(reader, frame(packed[0], rsv1=True) + frame(packed[1], rsv1=True)[:5])
    reader.gap(len(frame(packed[1])) - 5, GAP)
    events += read(reader, b"".join(frame(each, rsv1=True) for each in packed[2:]))
    assert events[0] == Message(texts[0], is_text=True)
    whole = {event.data for event in events if isinstance(event, Message) and not event.problems}
    assert whole <= set(texts)


def test_a_bomb_is_cut_off() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(bytes(8 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)
    (event,) = read(FrameReader("machine"), frame(bomb, rsv1=True))
    assert isinstance(event, Message)
    assert len(event.data) == MAX_MESSAGE
    assert event.problems == ("the message has more than 1,048,576 bytes: the rest is left out",)


def test_little_does_not_become_much() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(bytes(300_000)) + packer.flush(zlib.Z_SYNC_FLUSH)
    (event,) = read(FrameReader("machine"), frame(bomb, rsv1=True))
    assert isinstance(event, Message)
    assert len(event.data) == 1 << 16
    assert event.problems == ("the message has more than 65,536 bytes: the rest is left out",)


def test_a_long_message_is_cut_off_and_the_next_is_read() -> None:
    reader = FrameReader("machine")
    events = []
    for piece in (frame(b"x" * (MAX_MESSAGE + 7)), frame(b"{}")):
        events += read(reader, piece)
    assert isinstance(events[0], Message)
    assert (len(events[0].data), events[0].problems) == (MAX_MESSAGE, ("7 bytes beyond 1,048,576 are left out",))
    assert events[1] == Message(b"{}", is_text=True)


def test_a_hundred_thousand_fragments_are_one_message() -> None:
    reader = FrameReader("machine")
    events = read(reader, frame(b"", final=False) + frame(b"a", 0, final=False) * 20_000 + frame(b"", 0))
    assert events == [Message(b"a" * 20_000, is_text=True)]
    assert reader.held < 5000


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"\x81\x7f\x10" + bytes(7), "a frame that claims more than 16,777,216 bytes"),
        (b"\x83\x00", "no frame: Invalid opcode 0x3"),
        (b"\xa1\x00", "no frame: Reserved bit set unexpectedly"),
        (b"\x81\x80abcd", "no frame: client received unexpected masked frame"),
        (b"\x09\x00", "no frame: Invalid attempt to fragment control frame"),
        (b"\x81\x7e\x00\x05", "no frame: Payload length used 2 bytes when 1 would have sufficed"),
    ],
)
def test_what_is_no_frame_is_kept_with_the_reason(head: bytes, reason: str) -> None:
    reader = FrameReader("machine")
    assert read(reader, frame(b"{}") + frame(b"[", final=False) + head + b"rest") == [
        Message(b"{}", is_text=True),
        Message(b"[", is_text=True, problems=(f"{reason} follows: the message is not whole",)),
    ]
    assert (reader.lost, reader.rest) == (reason, head + b"rest")


def test_a_message_that_is_never_ended_comes_before_the_next() -> None:
    events = read(FrameReader("machine"), frame(b"[1", final=False) + frame(b"{}"))
    assert events == [
        Message(
            b"[1", is_text=True, problems=("the next one begins before this one has ended: the message is not whole",)
        ),
        Message(b"{}", is_text=True),
    ]
    (orphan,) = read(FrameReader("machine"), frame(b"2]", 0))
    assert orphan == Unread(b"2]", "the rest of a message whose beginning is not there")


def test_a_gap_within_a_frame_leaves_the_next_one_whole() -> None:
    data = frame(TEMPERATURES) + frame(b"{}")
    reader = FrameReader("machine")
    assert not read(reader, data[:12])
    reader.gap(3, GAP)
    assert rest(reader) == [Message(TEMPERATURES[:10], is_text=True, problems=(f"{GAP}: the message is not whole",))]
    assert read(reader, data[15:]) == [
        Unread(TEMPERATURES[13:], "the rest of a message that is not whole"),
        Message(b"{}", is_text=True),
    ]
    assert reader.lost is None


def test_behind_a_longer_gap_the_frames_are_lost() -> None:
    reader = FrameReader("machine")
    read(reader, frame(TEMPERATURES)[:12])
    reader.gap(1000, GAP)
    assert reader.lost == GAP


def test_what_is_let_go_does_not_lose_the_frames() -> None:
    data = frame(TEMPERATURES) + frame(b"{}")
    reader = FrameReader("machine")
    read(reader, data[:12])
    reader.let_go("memory ran short")
    assert rest(reader)[0] == Message(
        TEMPERATURES[:10], is_text=True, problems=("memory ran short: the message is not whole",)
    )
    assert read(reader, data[12:])[-1] == Message(b"{}", is_text=True)


def test_the_end_hands_out_what_is_not_whole() -> None:
    reader = FrameReader("machine")
    read(reader, frame(TEMPERATURES)[:12])
    reader.end("the connection ended")
    assert rest(reader) == [
        Message(TEMPERATURES[:10], is_text=True, problems=("the connection ended: the message is not whole",))
    ]
    reader = FrameReader("machine")
    read(reader, frame(b"ping", 9)[:4])
    reader.end("the connection ended")
    assert rest(reader) == [Unread(b"pi", "the connection ended: a frame is not whole")]


@pytest.mark.parametrize(
    ("data", "sender", "looks"),
    [
        (frame(TEMPERATURES), "machine", True),
        (frame(TEMPERATURES)[:1], "machine", None),
        (frame(TEMPERATURES)[:2], "machine", None),
        (frame(TEMPERATURES)[:3], "machine", True),
        (frame(b"x" * 300), "machine", False),
        (frame(b"", 9), "machine", True),
        (frame(b"", 10, mask=b"abcd"), "app", True),
        (frame(b"", 10), "app", False),
        (TEMPERATURES[5:], "machine", False),
        (b"HTTP/1.1 200 OK", "machine", False),
        (b"\x16\x03\x01\x02\x00", "machine", False),
    ],
)
def test_frames_are_recognised(data: bytes, sender: Sender, *, looks: bool | None) -> None:
    assert looks_like_frame(data, sender) is looks


def test_a_frame_is_found_within_anything() -> None:
    before = TEMPERATURES[30:] + b"\x81\x05abc"
    data = before + frame(TEMPERATURES)
    assert find_frame(data, 0, "machine", is_over=False) == (len(before), True)
    assert find_frame(data[:-1], 0, "machine", is_over=False) == (len(before), False)
    assert find_frame(data[:-1], 0, "machine", is_over=True) == (len(before), True)
    masked = b"xyz" + frame(b"", 10, mask=b"abcd")
    assert find_frame(masked, 0, "app", is_over=False) == (3, False)
    assert find_frame(masked + frame(b"", 9, mask=b"abcd"), 0, "app", is_over=False) == (3, True)


@given(st.lists(st.text(max_size=300), max_size=6), st.booleans(), st.booleans(), st.data())
def test_what_wsproto_sends_is_read(texts: list[str], deflates: bool, no_context: bool, draw: st.DataObject) -> None:  # noqa: FBT001
    extension = [PerMessageDeflate(server_no_context_takeover=no_context)] if deflates else []
    client, server = WSConnection(ConnectionType.CLIENT), WSConnection(ConnectionType.SERVER)
    server.receive_data(client.send(Request("machine", "/", extensions=[PerMessageDeflate()] if deflates else [])))
    list(server.events())
    client.receive_data(server.send(AcceptConnection(extensions=extension)))
    list(client.events())
    wire, expected = bytearray(), []
    for text in texts:
        cut = draw.draw(st.integers(0, len(text)))
        wire += server.send(TextMessage(text[:cut], message_finished=False)) + server.send(Ping(b"p"))
        wire += server.send(TextMessage(text[cut:]))
        expected += [Control("ping", b"p"), Message(text.encode(), is_text=True)]
    wire += server.send(BytesMessage(b"\xff")) + server.send(CloseConnection(1000, "bye"))
    expected += [Message(b"\xff", is_text=False), Control("close", b"\x03\xe8bye")]
    reader = FrameReader("machine", is_whole=True)
    events: list[Event] = []
    at = 0
    while at < len(wire):
        size = draw.draw(st.integers(1, 400))
        events += read(reader, bytes(wire[at : at + size]))
        at += size
    assert events == expected


@given(st.lists(st.binary(max_size=60), max_size=8), st.sampled_from(["app", "machine"]))
def test_no_bytes_make_reading_fail(pieces: list[bytes], sender: Sender) -> None:
    reader = FrameReader(sender)
    for number, piece in enumerate(pieces):
        read(reader, piece)
        if number == 2:
            reader.gap(5, GAP)
    reader.let_go("memory")
    reader.end("over")
    rest(reader)
    find_frame(b"".join(pieces), 0, sender, is_over=False)
    looks_like_frame(b"".join(pieces), sender)
