"""The app's side of a connection to a gateway of v3, without a socket: bytes in, Records and answers out."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol
from wsproto.utilities import generate_accept_token

from lmdecode.codec.errors import KeyFormatError
from lmdecode.codec.record import Record
from lmdecode.codec.requester import Failure, Fault
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v3.requester import CONFIGURATION, STREAM, Get, Requester, label, requesters
from tests.codec.web_building import TEMPERATURES, Said, answer, deflater, frame, heard, told

TOKEN = "abcdefghijklmnopqrstuvwxyz012345"
KEY = Key.parse(TOKEN)
PLACE = "192.168.1.215:8081"
BODY = b'{"machineMode":"BrewingMode","boilers":[{"id":"CoffeeBoiler1","target":93,"current":81.5}]}'
CHUNKED = b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (30, BODY[:30], len(BODY) - 30, BODY[30:])
ANSWERS = {
    "length": answer(BODY),
    "kept open": answer(BODY, b"Connection: keep-alive", b"Content-Length: %d" % len(BODY)),
    "chunked": answer(CHUNKED, b"Transfer-Encoding: chunked"),
}


def asked(request: Get = CONFIGURATION) -> tuple[Requester, bytes, list[Record]]:
    requester = Requester(KEY, machine=PLACE)
    data, records = requester.ask(0, request)
    return requester, data, [*records]


def switched(request: bytes, *headers: bytes) -> bytes:
    """The answer that begins the stream."""
    nonce = next(line[19:] for line in request.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: "))
    head = (b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Accept: " + generate_accept_token(nonce))
    return answer(b"", *head, *headers, status=b"101 Switching Protocols")


def streaming() -> Requester:
    requester, request, _ = asked(STREAM)
    requester.receive(1, switched(request))
    return requester


def pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    ends = sorted(cut % (len(data) + 1) for cut in cuts)
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


def cut(failure: Failure | None) -> tuple[Fault, str] | None:
    return failure and (failure.fault, failure.why)


@pytest.mark.parametrize("how", ANSWERS)
def test_the_configuration_is_asked_for_and_answered(how: str) -> None:
    requester, data, records = asked()
    assert data.startswith(b"GET /api/v1/config HTTP/1.1\r\nHost: 192.168.1.215:8081\r\n")
    assert b"\r\nAuthorization: Bearer abcdefghijklmnopqrstuvwxyz012345\r\n" in data
    assert [record.subject for record in records] == ["GET /api/v1/config"]
    assert requester.answer is None
    requester.receive(90_000_000, ANSWERS[how])
    found = requester.answer
    assert found is not None
    assert requester.wrong(CONFIGURATION, found, PLACE) is None
    assert found.fields == {"power": True, "coffee_set_temp": 93.0, "coffee_temp": 81.5}
    assert found.elapsed == 0.09
    assert found.request is records[0]


def test_an_answer_may_end_with_the_connection() -> None:
    requester, _, _ = asked()
    requester.receive(1, answer(BODY, b"Content-Type: application/json"))
    assert requester.answer is None
    requester.close(2)
    assert requester.answer is not None
    assert requester.wrong(CONFIGURATION, requester.answer, PLACE) is None


@given(cuts=st.lists(st.integers(0, 10_000), max_size=12), ends=st.booleans())
def test_records_are_those_of_a_capture_however_the_bytes_are_cut(*, cuts: list[int], ends: bool) -> None:
    requester, request, records = asked(STREAM)
    said: list[Said] = [("app", request)]
    pushed = frame(b"hello", 9) + frame(TEMPERATURES[:20], final=False) + frame(b"", 9) + frame(TEMPERATURES[20:], 0)
    machine = switched(request) + frame(TEMPERATURES) + pushed + (frame(b"\x03\xe9going", 8) if ends else b"")
    for piece in pieces(machine, cuts):
        records += requester.receive(0, piece)
        own = requester.outgoing()
        said += [("machine", piece), ("app", own)] if own else [("machine", piece)]
    farewell, more = requester.farewell(0)
    records += [*more, *requester.close(0)]
    captured = heard(*said, *([("app", farewell)] if farewell else []))
    assert told(records) == told(captured)
    assert [record.subject for record in records] == [record.subject for record in captured]
    assert sum(record.fields == {"coffee_temp": 93.5, "steam_temp": 128.0} for record in records) == 2
    assert records[-1].subject == "WebSocket close"
    assert (requester.broken is not None, bool(farewell)) == (ends, not ends)


def test_the_token_is_in_no_record() -> None:
    for request in (CONFIGURATION, STREAM):
        requester, data, records = asked(request)
        assert TOKEN.encode() in data
        records += requester.receive(1, b"HTTP/1.1 500 Oh\r\n\r\nBearer " + TOKEN.encode())
        records += requester.close(2)
        assert TOKEN not in str([record.as_dict() for record in records])
        assert TOKEN not in repr(requester)


def test_the_stream_offers_no_compression_and_wants_the_right_answer() -> None:
    requester, request, _ = asked(STREAM)
    assert b"\r\nUpgrade: websocket\r\n" in request
    assert b"extension" not in request.lower()
    requester.receive(1, answer(b"", b"Upgrade: websocket", b"Connection: Upgrade", status=b"101 Switching Protocols"))
    assert requester.answer is not None
    failure = requester.wrong(STREAM, requester.answer, PLACE)
    assert failure is not None
    assert "does not begin the stream" in failure.why


def test_each_request_has_a_number_of_its_own_that_the_machine_must_know() -> None:
    assert asked(STREAM)[1] != asked(STREAM)[1]


def test_a_ping_is_answered_and_this_side_can_ping() -> None:
    requester = streaming()
    machine = FrameProtocol(client=False, extensions=[])
    requester.receive(2, machine.ping(b"are you there"))
    machine.receive_bytes(requester.outgoing() + requester.knock(3))
    pong, ping = machine.received_frames()
    assert (pong.opcode.name, bytes(pong.payload)) == ("PONG", b"are you there")
    assert (ping.opcode.name, bytes(ping.payload)) == ("PING", b"")
    assert requester.outgoing() == b""
    requester.receive(4, machine.pong(b""))
    assert (requester.outgoing(), requester.broken) == (b"", None)


def test_both_sides_take_leave() -> None:
    requester = streaming()
    requester.receive(2, frame(TEMPERATURES))
    data, records = requester.farewell(3)
    assert (data[0], records[0].subject, records[0].sender) == (0x88, "WebSocket close", "app")
    assert requester.farewell(4) == (b"", [])
    assert requester.knock(4) == b""
    requester.receive(5, frame(b"\x03\xe8", 8) + frame(b"?", 9))
    assert requester.outgoing() == b""
    assert cut(requester.broken) == (Fault.LOST, f"{PLACE} closed the stream (1000)")


def test_before_the_stream_there_is_nothing_to_ping_and_nobody_to_take_leave_of() -> None:
    requester, _, _ = asked(STREAM)
    assert (requester.knock(1), requester.farewell(1)) == (b"", (b"", []))
    requester, _, _ = asked()
    requester.receive(1, ANSWERS["length"])
    assert (requester.knock(1), requester.farewell(1), requester.outgoing()) == (b"", (b"", []), b"")


@pytest.mark.parametrize(
    ("status", "request_", "fault", "why"),
    [
        (
            b"403 Forbidden",
            CONFIGURATION,
            Fault.NOT_READY,
            "it has no token yet, as after each power-up, or a token",
        ),
        (b"401 Unauthorized", CONFIGURATION, Fault.WRONG_KEY, "refuses the key with status 401: the key is not"),
        (b"301 Moved", CONFIGURATION, Fault.NO_MACHINE, r"elsewhere \(status 301\), as no machine does"),
        (b"404 Not Found", CONFIGURATION, Fault.NO_MACHINE, r"knows no GET /api/v1/config \(status 404\)"),
        (b"500 Oh", CONFIGURATION, Fault.DAMAGED, "answers GET /api/v1/config with status 500 rather than with"),
        (b"403 Forbidden", STREAM, Fault.BUSY, "refuses the stream with status 403: another program has the stream"),
        (b"503 Busy", STREAM, Fault.BUSY, "refuses the stream with status 503"),
        (b"401 Unauthorized", STREAM, Fault.WRONG_KEY, "status 401"),
        (b"404 Not Found", STREAM, Fault.NO_MACHINE, "knows no GET /api/v1/streaming"),
        (b"200 OK", STREAM, Fault.NO_MACHINE, "does not begin the stream that GET /api/v1/streaming asks for"),
    ],
)
def test_each_status_has_its_reason(status: bytes, request_: Get, fault: Fault, why: str) -> None:
    requester, _, _ = asked(request_)
    requester.receive(1, answer(b"", b"Content-Length: 0", status=status))
    assert requester.answer is not None
    failure = requester.wrong(request_, requester.answer, PLACE)
    assert failure is not None
    assert failure.fault is fault
    assert re.search(why, failure.why)
    assert "\n" not in failure.why


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (BODY[:40], "is damaged: the JSON "),
        (b'{"machineMode": oh}', "is damaged"),
        (b"", "is no configuration"),
        (b"[]", "is no configuration"),
        (b'{"new": 1}', "is no configuration"),
        (b"<!doctype html><title>Router</title>", "is damaged"),
        (b"\xff\xfe", "is damaged"),
    ],
)
def test_what_is_no_configuration_is_no_answer(body: bytes, why: str) -> None:
    requester, _, _ = asked()
    requester.receive(1, answer(body))
    assert requester.answer is not None
    failure = requester.wrong(CONFIGURATION, requester.answer, PLACE)
    assert failure is not None
    assert re.search(why, failure.why)


def test_a_page_of_something_else_is_no_configuration() -> None:
    requester, _, _ = asked()
    requester.receive(
        1, answer(b"<!doctype html><title>Router</title>", b"Content-Type: text/html", b"Content-Length: 36")
    )
    assert requester.answer is not None
    failure = requester.wrong(CONFIGURATION, requester.answer, PLACE)
    assert failure is not None
    assert failure.fault is Fault.NO_MACHINE


def test_an_answer_that_is_cut_off_says_where() -> None:
    requester, _, _ = asked()
    requester.receive(1, ANSWERS["length"][:-10])
    assert requester.answer is None
    failure = requester.missing(CONFIGURATION, PLACE, ended=False)
    assert failure is not None
    assert "has no end" in failure.why
    requester.close(2)
    assert requester.answer is not None
    failure = requester.wrong(CONFIGURATION, requester.answer, PLACE)
    assert failure is not None
    assert f"the connection ended inside the body: {len(BODY) - 10} of {len(BODY)} bytes" in failure.why


@pytest.mark.parametrize(
    ("said", "fault", "why"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", Fault.NO_MACHINE, "is not HTTP"),
        (b"\0" * 10, Fault.NO_MACHINE, "is not HTTP"),
        (b"\x15\x03\x01\0\x02\x02\x46", Fault.NO_MACHINE, "speaks TLS there, as commercial machines do"),
        (b"HTTP/1.1 200 OK\r\n: \r\n\r\n", Fault.NO_MACHINE, "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 30_000, Fault.NO_MACHINE, "is not HTTP"),
        (frame(TEMPERATURES), Fault.NO_MACHINE, "is not HTTP"),
    ],
)
def test_what_is_not_http_is_known_at_once(said: bytes, fault: Fault, why: str) -> None:
    requester, _, _ = asked()
    requester.receive(1, said)
    assert requester.broken is not None
    assert requester.broken.fault is fault
    assert why in requester.broken.why
    assert requester.missing(CONFIGURATION, PLACE, ended=True) == requester.broken


@pytest.mark.parametrize(
    "said",
    [
        b"\x81\x7f\x10\0\0\0\0\0\0\0",  # 2^60 bytes
        b"\x81\xff" + b"\0" * 20,
        b"\x83\x01x",
        b"\x89\x7e\x01\0" + b"x" * 256,  # a ping of 256 bytes
        b"HTTP/1.1 200 OK\r\n\r\n",
        frame(b"not packed", rsv1=True),
    ],
)
def test_what_is_no_frame_ends_the_stream(said: bytes) -> None:
    requester = streaming()
    requester.receive(2, frame(TEMPERATURES) + said)
    assert cut(requester.broken) == (
        Fault.LOST,
        f"{PLACE} sent what is no frame of a WebSocket: the stream was given up",
    )


def test_a_stream_that_ends_at_once_belongs_to_another_program() -> None:
    requester = streaming()
    ended = requester.ended(PLACE, "closed the connection")
    assert ended.fault is Fault.BUSY
    assert "closed the connection as soon as the stream had begun: another program has the stream" in ended.why
    requester = streaming()
    requester.receive(2, frame(b"\x03\xf5later\x1b[2J", 8))
    assert requester.broken is not None
    assert requester.broken.fault is Fault.BUSY
    assert "closed the stream (1013 later\\x1b[2J) as soon as it had begun" in requester.broken.why
    requester = streaming()
    requester.receive(2, frame(TEMPERATURES))
    assert cut(requester.ended(PLACE, "reset the connection")) == (Fault.LOST, f"{PLACE} reset the connection")
    requester.receive(3, frame(b"", 8))
    assert cut(requester.broken) == (Fault.LOST, f"{PLACE} closed the stream")


def test_what_a_machine_says_at_the_end_has_no_secret() -> None:
    requester = streaming()
    requester.receive(2, frame(b"\x03\xf0not yours: " + TOKEN.encode(), 8))
    assert requester.broken is not None
    assert "(1008 not yours: **)" in requester.broken.why


def test_silence_and_an_end_before_any_word() -> None:
    requester, _, _ = asked()
    failure = requester.missing(CONFIGURATION, PLACE, ended=False)
    assert failure is not None
    assert failure.fault is Fault.BUSY
    assert requester.missing(CONFIGURATION, PLACE, ended=True) is None
    assert requester.ended(PLACE, "closed the connection").fault is Fault.BUSY
    requester.receive(1, b"HTT")
    ended = requester.ended(PLACE, "closed the connection")
    assert cut(ended) == (Fault.LOST, f"{PLACE} closed the connection in the middle of its answer")


def test_texts_that_unpack_to_much_count_as_much() -> None:
    requester = streaming()
    bomb = deflater()(b"[" + b" " * 900_000 + b"]")
    data = frame(bomb, rsv1=True)
    records = requester.receive(2, data)
    assert len(data) < 2000
    assert requester.unasked(len(data), records) > 100_000


@given(said=st.lists(st.binary(max_size=300), max_size=8), listens=st.booleans())
def test_nothing_that_a_machine_sends_raises(*, said: list[bytes], listens: bool) -> None:
    requester = streaming() if listens else asked()[0]
    for data in said:
        records = requester.receive(2, data)
        assert requester.unasked(len(data), records) >= len(data)
        requester.outgoing()
    requester.knock(3)
    requester.farewell(3)
    requester.close(3)
    if requester.answer is not None:
        requester.wrong(CONFIGURATION, requester.answer, PLACE)
    requester.missing(CONFIGURATION, PLACE, ended=True)
    assert requester.ended(PLACE, "closed the connection").why


def test_a_text_without_end_takes_little_memory() -> None:
    requester = streaming()
    requester.receive(2, b"\x01\x7e\xff\xff" + b"x" * 65_535)
    for _ in range(64):
        requester.receive(3, b"\0\x7e\xff\xff" + b"x" * 65_535)
    assert requester._connection.held < 3 << 20


def test_a_key_that_http_cannot_carry_is_named() -> None:
    requester = Requester(Key(b"\0" * 32))
    with pytest.raises(KeyFormatError, match="HTTP cannot carry the bytes of the key"):
        requester.ask(0, CONFIGURATION)


@pytest.mark.parametrize(
    ("machine", "host"),
    [
        ("192.168.1.5:8081", b"192.168.1.5:8081"),
        ("[fe80::1%wlan0]:8081", b"[fe80::1]:8081"),
        ("mr012345.local:8081", b"mr012345.local:8081"),
    ],
)
def test_the_host_is_named_as_http_wants_it(machine: str, host: bytes) -> None:
    requester = requesters(KEY)(7, "192.168.1.2:40000", machine)
    data, records = requester.ask(0, CONFIGURATION)
    assert b"\r\nHost: " + host + b"\r\n" in data
    assert (records[0].stream, records[0].source, records[0].destination) == (7, "192.168.1.2:40000", machine)
    assert label(CONFIGURATION) == requester.label(CONFIGURATION) == "GET /api/v1/config"
    assert requester.probe is None
    assert requester.refusal(CONFIGURATION, records[0]) is None


@pytest.mark.parametrize(
    "said",
    [
        answer(b'{"machineMode":"BrewingMode","machineName":"%s","Bearer %s":1}' % (KEY.secret, KEY.secret)),
        b'HTTP/1.1 200 %s\r\nX-Echo: %s\r\nContent-Length: 99\r\n\r\n{"a":"%s' % (KEY.secret, KEY.secret, KEY.secret),
        b"what is no HTTP: " + KEY.secret,
    ],
)
def test_a_peer_that_says_the_key_back_puts_it_into_no_record(said: bytes) -> None:
    requester, _, records = asked()
    records += requester.receive(1, said)
    records += requester.close(2)
    assert len(records) > 1
    assert TOKEN not in repr(records)
    assert TOKEN not in repr(requester.broken)
