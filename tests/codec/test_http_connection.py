"""The bytes of a connection of HTTP/1.1 become requests, answers and messages, however they were captured."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.raw_bytes import WITHHELD
from lmdecode.codec.record import Record, Sender
from tests.codec.web_building import (
    CONFIG,
    SWITCHED,
    TEMPERATURES,
    UPGRADE,
    Said,
    answer,
    deflater,
    frame,
    heard,
    new_conversation,
    told,
)

BODY = b'{"machineMode":"BrewingMode"}'
STREAM = frame(TEMPERATURES)
MASK = b"\x01\x02\x03\x04"
OPEN = OwnerAccess(show_secrets=True)
MORNING: tuple[Said, ...] = (
    ("app", CONFIG),
    ("machine", answer(b"", b"Content-Length: 0", status=b"403 Forbidden")),
    ("app", CONFIG),
    ("machine", answer(BODY)),
    ("app", UPGRADE),
    ("machine", SWITCHED + STREAM),
    ("machine", STREAM + frame(b"?", 9)),
    ("app", frame(b"?", 10, mask=MASK)),
    ("machine", frame(b"[{", final=False) + frame(b"", 9) + frame(b'"a":1}]', 0)),
    ("app", frame(b"\x03\xe8bye", 8, mask=MASK)),
    ("machine", frame(b"\x03\xe8", 8)),
)


def subjects(records: list[Record]) -> list[str | None]:
    return [record.subject for record in records]


def test_a_morning_is_read() -> None:
    records = heard(*MORNING)
    assert subjects(records) == [
        "GET /api/v1/config",
        "403 GET /api/v1/config",
        "GET /api/v1/config",
        "200 GET /api/v1/config",
        "GET /api/v1/streaming",
        "101 GET /api/v1/streaming",
        *["WebSocket /api/v1/streaming"] * 3,
        "WebSocket close",
        "WebSocket close",
    ]
    assert [number for number, record in enumerate(records) if record.problems] == [1]
    assert records[3].plaintext == BODY.decode()
    assert records[3].request == records[2]
    assert records[3].elapsed == 1
    assert [record.fields.get("coffee_temp") for record in records[6:9]] == [93.5, 93.5, None]
    assert records[9].plaintext == "1000 bye"
    assert (records[9].role, records[10].role) == ("request", "report")


def test_pings_are_counted_and_not_shown() -> None:
    conversation, tally = new_conversation()
    for sender, data in MORNING:
        conversation.receive(0, sender, data)
    assert (tally.frames, tally.messages, tally.bytes_skipped) == (14, 11, 0)


@settings(max_examples=40)
@given(st.data())
def test_however_the_bytes_are_cut_the_records_are_the_same(draw: st.DataObject) -> None:
    broken = [*MORNING, ("machine", b"\x83garbage" + STREAM), ("machine", b"\x81\x7f\x10" + bytes(7) + STREAM)]
    said = [
        (sender, data[start:end])
        for sender, data in broken
        for cuts in [sorted({0, len(data), *draw.draw(st.lists(st.integers(0, len(data)), max_size=9))})]
        for start, end in pairwise(cuts)
    ]
    assert told(heard(*said)) == told(heard(*broken))


def test_byte_by_byte_the_records_are_the_same() -> None:
    said = [(sender, bytes((byte,))) for sender, data in MORNING for byte in data]
    assert told(heard(*said)) == told(heard(*MORNING))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["app", "machine"]),
            st.one_of(
                st.binary(max_size=50),
                st.sampled_from([CONFIG, UPGRADE, SWITCHED, STREAM, STREAM[:9], STREAM[9:], answer(BODY), CONFIG[:30]]),
            ),
            st.sampled_from(["receive", "receive", "receive", "gap", "late", "let_go"]),
        ),
        max_size=12,
    )
)
def test_nothing_makes_reading_fail_and_nothing_is_held_at_the_end(steps: list[tuple[Sender, bytes, str]]) -> None:
    conversation, _ = new_conversation()
    for sender, data, what in steps:
        if what == "receive":
            conversation.receive(0, sender, data)
        elif what == "gap":
            conversation.gap(0, sender, len(data) + 1, "gap")
        elif what == "late":
            conversation.receive_late(0, sender, data, "late")
        else:
            conversation.let_go(0, "memory")
        assert conversation.held < 100_000
    conversation.close(0)
    assert not conversation.close(0)


@given(st.lists(st.tuples(st.sampled_from(["app", "machine"]), st.binary(min_size=1, max_size=60)), max_size=6))
def test_no_byte_that_belongs_to_nothing_is_lost(said: list[Said]) -> None:
    """Of what is neither HTTP, nor WebSocket, nor TLS, each byte comes out again."""
    said = [(sender, b"." + data) for sender, data in said]
    raw = {"app": b"", "machine": b""}
    for record in heard(*said, access=OPEN):
        raw[record.sender] += record.raw or b""
    whole = {who: b"".join(data for sender, data in said if sender == who) for who in raw}
    if not any(mark in data for data in whole.values() for mark in (b"\x81", b"\xc1", b"\x88", b"\x89", b"\x8a")):
        assert raw == whole


def test_a_capture_may_begin_within_the_websocket() -> None:
    records = heard(("machine", STREAM), ("app", frame(b"", 10, mask=MASK)), ("machine", STREAM))
    assert subjects(records) == ["WebSocket", "WebSocket"]
    assert not any(record.problems for record in records)


def test_a_capture_may_begin_within_a_frame() -> None:
    said = ("machine", STREAM[20:]), ("machine", STREAM)
    records = heard(*said)
    problem = f"{len(STREAM) - 20} bytes that belong to no message"
    assert records[0].problems == (problem, WITHHELD)
    assert records[0].raw == STREAM[20:].replace(b"dateTemperature", b"**", 1)
    whole = heard(*said, access=OPEN)[0]
    assert (whole.problems, whole.raw) == ((problem,), STREAM[20:])
    assert records[1].fields == {"coffee_temp": 93.5, "steam_temp": 128.0}


def test_a_capture_may_begin_within_an_answer() -> None:
    records = heard(("machine", answer(BODY)[30:]), ("app", CONFIG), ("machine", answer(BODY)))
    assert [record.raw is None for record in records] == [True, False, True]
    assert records[2].subject == "200 GET /api/v1/config"


def test_compressed_messages_without_their_beginning_say_so() -> None:
    deflate = deflater()
    first, second = deflate(TEMPERATURES), deflate(TEMPERATURES)
    assert not heard(("machine", frame(first, rsv1=True)))[0].problems
    (record,) = heard(("machine", frame(second, rsv1=True)))
    assert (record.raw, record.problems[1:]) == (None, (WITHHELD,))
    (record,) = heard(("machine", frame(second, rsv1=True)), access=OPEN)
    assert record.raw == second
    assert record.problems == ("a compressed message refers to what is not in the capture, so it cannot be unpacked",)


def test_the_next_request_is_looked_for_behind_what_is_none() -> None:
    bad = b"GET /a HTTP/1.1\r\nno colon\r\n\r\n"
    said = ("app", b"garbage"), ("app", CONFIG + bad + CONFIG), ("machine", answer(BODY) + b"??" + answer(BODY))
    records = heard(*said, access=OPEN)
    assert subjects(records) == [
        None,
        "GET /api/v1/config",
        None,
        "GET /api/v1/config",
        "200 GET /api/v1/config",
        None,
        "200 GET /api/v1/config",
    ]
    assert records[2].raw == bad
    assert records[2].problems[0].startswith("29 bytes that belong to no message: not an HTTP message: illegal header")
    assert records[5].raw == b"??"


def test_many_start_lines_without_an_end_take_no_long_time() -> None:
    many = b"GET /a HTTP/1.1\r\nno colon\r\n" * 20_000
    records = heard(("app", many + CONFIG), access=OPEN)
    assert sum(len(record.raw or b"") for record in records) >= len(many) - 100


def test_headers_in_raw_bytes_are_masked() -> None:
    secret = b"GET /a HTTP/1.1\r\nAuthorization: Bearer of-the-machine\r\nno colon\r\n\r\n"
    (record,) = heard(("app", secret))
    assert b"of-the-machine" not in (record.raw or b"")
    assert record.raw == b"GET /** HTTP/1.1\r\nAuthorization: **\r\n** **\r\n\r\n"


def test_an_answer_belongs_to_the_latest_request_behind_a_gap() -> None:
    conversation, _ = new_conversation()
    conversation.receive(0, "app", CONFIG)
    (gap,) = conversation.gap(1, "machine", 500, "gap: 500 bytes are not in the capture")
    assert gap.problems == ("gap: 500 bytes are not in the capture",)
    conversation.receive(2, "app", UPGRADE)
    (switched,) = conversation.receive(3, "machine", SWITCHED)
    assert switched.subject == "101 GET /api/v1/streaming"


def test_reading_goes_on_behind_a_gap() -> None:
    conversation, tally = new_conversation()
    for sender, data in MORNING[:6]:
        conversation.receive(0, sender, data)
    gap = conversation.gap(1, "machine", 77, "gap: 77 bytes are not in the capture")
    assert subjects([*gap]) == [None]
    records = conversation.receive(2, "machine", STREAM[40:] + STREAM)
    assert subjects([*records]) == [None, "WebSocket /api/v1/streaming"]
    assert tally.bytes_missing == 77


def test_a_gap_in_a_body_leaves_a_mark() -> None:
    conversation, _ = new_conversation()
    conversation.receive(0, "app", CONFIG)
    whole = answer(BODY)
    conversation.receive(1, "machine", whole[:-20])
    conversation.gap(2, "machine", 5, "gap: 5 bytes are not in the capture")
    (record,) = conversation.receive(3, "machine", whole[-15:])
    assert record.subject == "200 GET /api/v1/config"
    assert record.problems[0] == "gap: 5 bytes are not in the capture, after byte 9 of the body"
    assert not record.fields


def test_late_bytes_are_read_if_they_are_whole_messages() -> None:
    conversation, _ = new_conversation()
    for sender, data in MORNING[:7]:
        conversation.receive(0, sender, data)
    (late,) = conversation.receive_late(1, "machine", STREAM, "out of order")
    assert (late.fields["coffee_temp"], late.problems) == (93.5, ("out of order",))
    (late,) = conversation.receive_late(1, "machine", STREAM[5:], "out of order")
    assert (late.raw, late.problems) == (STREAM[5:], ("out of order",))
    (late,) = conversation.receive_late(1, "machine", STREAM[9:], "out of order")
    assert late.raw == STREAM[9:].replace(b"eeBoiler1UpdateTemperature", b"**")
    assert late.problems == ("out of order", WITHHELD)
    (late,) = conversation.receive_late(1, "app", CONFIG, "out of order")
    assert (late.subject, late.problems) == ("GET /api/v1/config", ("out of order",))


def test_what_is_cut_off_at_the_end_is_handed_out() -> None:
    records = heard(("app", CONFIG), ("machine", answer(BODY)[:-9]), ("app", UPGRADE[:-4]))
    assert records[1].problems[0] == "the connection ended inside the body: 20 of 29 bytes are there"
    assert records[2].subject == "GET /api/v1/streaming"
    assert records[2].problems == ("the connection ended inside the headers",)


def test_packets_that_are_cut_short_still_say_what_they_are() -> None:
    conversation, _ = new_conversation()
    records = []
    for number, (sender, data) in enumerate((("app", UPGRADE), ("machine", SWITCHED), ("machine", STREAM))):
        records += conversation.receive(number, sender, data[:50])
        records += conversation.gap(number, sender, len(data) - 50, "cut short")
    records += conversation.receive(9, "machine", STREAM)
    assert [record.subject for record in records if record.subject] == [
        "GET /api/v1/streaming",
        "101 GET /api/v1/streaming",
        "WebSocket /api/v1/streaming",
        "WebSocket /api/v1/streaming",
    ]
    assert not records[-1].problems


def test_tls_is_said_once_for_a_connection() -> None:
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    conversation, tally = new_conversation()
    records = [*conversation.receive(0, "app", hello), *conversation.receive(1, "machine", hello)]
    records += [*conversation.receive(2, "machine", b"\x17\x03\x03" * 50), *conversation.gap(3, "app", 5, "gap")]
    records += conversation.close(4)
    (record,) = records
    assert "encrypted (TLS)" in record.problems[0]
    assert tally.bytes_skipped == 172
    assert heard(("machine", b"\x17\x03\x03\x00\x05hello"))[0].problems == record.problems


def test_the_client_may_not_speak_before_the_answer_but_may_be_captured_so() -> None:
    pong = frame(b"\x03\xe8", 8, mask=MASK)
    records = heard(("app", UPGRADE + pong), ("machine", SWITCHED + STREAM))
    assert subjects(records) == [
        "GET /api/v1/streaming",
        "101 GET /api/v1/streaming",
        "WebSocket close",
        "WebSocket /api/v1/streaming",
    ]
    refused = answer(b"", b"Content-Length: 0", status=b"403 Forbidden")
    records = heard(("app", UPGRADE + CONFIG), ("machine", refused + answer(BODY)))
    assert subjects(records)[-2:] == ["GET /api/v1/config", "200 GET /api/v1/config"]


def test_memory_is_let_go() -> None:
    conversation, _ = new_conversation()
    conversation.receive(0, "app", CONFIG)
    conversation.receive(0, "machine", answer(b"x" * 100_000)[:-5])
    assert conversation.held > 90_000
    (record,) = conversation.let_go(1, "memory ran short")
    assert record.problems[0].startswith("memory ran short inside the body: ")
    assert conversation.held < 5000
    assert conversation.receive(2, "machine", b"xxxxx" + answer(BODY))[-1].plaintext == BODY.decode()
