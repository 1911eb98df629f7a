"""A bystander reads HTTP/1.1 messages, whole and damaged."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.content_encoding import MAX_BODY, decoded
from lmdecode.codec.http1 import HOLE, MessageReader
from lmdecode.codec.web import HttpRequest, HttpResponse
from tests.codec.web_building import CONFIG, SWITCHED, UPGRADE, answer

BODY = b'{"machineMode":"BrewingMode"}'
PACKED = gzip.compress(BODY, mtime=0)


def read_answer(data: bytes, method: str = "GET") -> tuple[HttpResponse, bytes]:
    reader = MessageReader("machine", method)
    rest = reader.feed(data)
    assert rest is not None
    assert isinstance(reader.result, HttpResponse)
    return reader.result, rest


def test_a_request_is_read_and_what_follows_is_handed_back() -> None:
    reader = MessageReader("app")
    assert reader.feed(CONFIG + b"GET /next") == b"GET /next"
    request = reader.result
    assert isinstance(request, HttpRequest)
    assert (request.method, request.host, request.path) == ("GET", "192.168.1.215", "/api/v1/config")
    assert dict(request.headers)["Authorization"] == "Bearer of-the-machine"
    assert not request.problems


@pytest.mark.parametrize(("host", "read"), [("[fe80::1]:8081", "[fe80::1]"), ("MR012345.local", "mr012345.local")])
def test_hosts_have_no_port(host: str, read: str) -> None:
    reader = MessageReader("app")
    reader.feed(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert isinstance(reader.result, HttpRequest)
    assert reader.result.host == read


@pytest.mark.parametrize(
    "data",
    [
        answer(BODY),
        answer(b"5\r\n" + BODY[:5] + b"\r\n18\r\n" + BODY[5:] + b"\r\n0\r\nTrailer: x\r\n\r\n",
               b"Transfer-Encoding: chunked"),
        answer(PACKED, b"Content-Encoding: gzip", b"Content-Length: %d" % len(PACKED)),
        b"HTTP/1.1 100 Continue\r\n\r\n" + answer(BODY),
    ],
    ids=["length", "chunked", "gzip", "after 100 Continue"],
)  # fmt: skip
def test_bodies_end_where_their_headers_say(data: bytes) -> None:
    for cut in range(1, len(data), 7):
        reader = MessageReader("machine")
        assert reader.feed(data[:cut]) is None
        assert reader.feed(data[cut:] + b"HTTP/1.1 200") == b"HTTP/1.1 200"
        assert reader.result is not None
        assert (reader.result.body, reader.result.problems) == (BODY, ())


def test_some_answers_have_no_body() -> None:
    assert read_answer(answer(b"", b"Content-Length: 99") + b"HTTP", "HEAD")[1] == b"HTTP"
    assert read_answer(answer(b"", b"ETag: 1", status=b"304 Not Modified") + b"HTTP")[1] == b"HTTP"
    switched, rest = read_answer(SWITCHED + b"\x81\x02{}")
    assert (switched.status, rest) == (101, b"\x81\x02{}")


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    reader = MessageReader("machine")
    assert reader.feed(answer(BODY, b"Connection: close")) is None
    reader.end("the connection ended")
    assert reader.result is not None
    assert (reader.result.body, reader.result.problems) == (BODY, ())


def test_what_is_cut_off_says_how_much_is_there() -> None:
    reader = MessageReader("machine")
    reader.feed(answer(BODY)[:-9])
    reader.end("the connection ended")
    assert reader.result is not None
    assert reader.result.body == BODY[:-9]
    assert reader.result.problems == ("the connection ended inside the body: 20 of 29 bytes are there",)


@pytest.mark.parametrize("cut", [20, 50, 70])
def test_of_headers_that_are_cut_off_the_first_line_is_read(cut: int) -> None:
    reader = MessageReader("app")
    reader.feed(UPGRADE[:cut])
    reader.end("the connection ended")
    if cut == 20:
        assert (reader.result, reader.raw) == (None, UPGRADE[:20])
        assert reader.problem == "the connection ended inside the headers of an HTTP message"
        return
    assert isinstance(reader.result, HttpRequest)
    assert (reader.result.method, reader.result.path) == ("GET", "/api/v1/streaming")
    assert reader.result.problems == ("the connection ended inside the headers",)
    assert reader.result.host == ("192.168.1.215" if cut == 70 else "")


def test_of_an_answer_that_is_cut_off_the_status_is_read() -> None:
    reader = MessageReader("machine")
    reader.feed(SWITCHED[:50])
    assert not reader.gap(9, "gap")
    assert isinstance(reader.result, HttpResponse)
    assert (reader.result.status, reader.result.problems) == (101, ("gap: the headers are not whole",))


def test_a_length_that_is_too_long_does_not_swallow_the_next_answer() -> None:
    wrong = answer(BODY, b"Content-Length: 900", b"Content-Type: application/json")
    for cut in range(len(wrong) + 3, len(wrong) + 12):
        reader = MessageReader("machine")
        both = wrong + answer(BODY)
        rest = reader.feed(both[:cut])
        rest = reader.feed(both[cut:]) if rest is None else rest + both[cut:]
        assert reader.result is not None
        assert (reader.result.body, rest) == (BODY, answer(BODY))
        assert reader.result.problems == ("the body has 29 bytes, though its header says 900: the next answer follows",)


def test_a_hole_in_a_body_of_known_length_is_marked_and_counted() -> None:
    data = answer(BODY)
    reader = MessageReader("machine")
    reader.feed(data[:-10])
    assert reader.gap(4, "gap: 4 bytes are not in the capture")
    assert reader.feed(data[-6:] + b"HTTP/1.1 ") == b"HTTP/1.1 "
    assert reader.result is not None
    assert reader.result.body == BODY[:-10] + HOLE + BODY[-6:]
    assert reader.result.problems == ("gap: 4 bytes are not in the capture, after byte 19 of the body",)


def test_a_hole_beyond_the_body_ends_it() -> None:
    reader = MessageReader("machine")
    reader.feed(answer(BODY)[:-10])
    assert not reader.gap(11, "gap")
    assert reader.result is not None
    assert reader.result.body == BODY[:-10]


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: " + b"b" * 70_000,
    ],
)
def test_headers_that_make_no_sense_are_kept_as_bytes(data: bytes) -> None:
    reader = MessageReader("app")
    rest = reader.feed(data)
    assert reader.result is None
    assert reader.raw + (rest or b"") == data
    assert reader.problem.startswith("not an HTTP message: ")


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\nAuthorization: Bearer c0ffee\r\r\n\r\n", b"GET /?token=c0ffee HTTP/9\r\n\r\n",
     b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: c0ffee\r\n\r\n",
     b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: c0ffee\r\n\r\n"],
)  # fmt: skip
def test_why_headers_make_no_sense_is_said_without_what_is_in_them(data: bytes) -> None:
    reader = MessageReader("app")
    reader.feed(data)
    assert reader.problem.startswith("not an HTTP message: ")
    assert "c0ffee" not in reader.problem


def test_a_chunk_that_makes_no_sense_ends_the_body() -> None:
    result, rest = read_answer(answer(b"3\r\nabc\r\nxyz\r\nHTTP/1.1 200 OK\r\n", b"Transfer-Encoding: chunked"))
    assert (result.body, rest) == (b"abc", b"HTTP/1.1 200 OK\r\n")
    assert result.problems[0].startswith("the body is damaged: illegal chunk header")


def test_a_body_that_never_ends_is_not_kept_whole() -> None:
    reader = MessageReader("machine")
    reader.feed(answer(b"", b"Content-Length: %d" % (MAX_BODY + 5)))
    for _ in range(MAX_BODY >> 20):
        assert reader.feed(bytes(1 << 20)) is None
    assert reader.feed(b"12345") == b""
    assert reader.result is not None
    assert len(reader.result.body or b"") == MAX_BODY
    assert reader.result.problems == ("the body is longer than 4,194,304 bytes: what follows is left out",)


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("gzip", gzip.compress(BODY, mtime=0)),
        ("x-gzip, identity", gzip.compress(BODY, mtime=0)),
        ("deflate", zlib.compress(BODY)),
        ("deflate", zlib.compress(BODY)[2:-4]),
        ("br", brotli.compress(BODY)),
        ("deflate, gzip", gzip.compress(zlib.compress(BODY), mtime=0)),
    ],
)
def test_encodings_are_undone(name: str, packed: bytes) -> None:
    assert decoded(packed, [name]) == (BODY, ())
    cut = decoded(packed[:-5], [name])
    assert cut.problems
    assert BODY.startswith(cut.body) or cut.body == packed[:-5]


def test_an_encoding_that_is_not_known_or_not_true_leaves_the_body() -> None:
    assert decoded(BODY, ["exi"]) == (BODY, ("the body is encoded as 'exi', which is unknown",))
    for name in ("gzip", "deflate", "br"):
        assert decoded(BODY, [name]) == (BODY, (f"the body is not {name}, as its header says",))
    assert decoded(BODY, ["gzip"] * 9) == (BODY, ("the body is encoded 9 times, of which nothing is undone",))


def test_little_does_not_become_much() -> None:
    twice = gzip.compress(gzip.compress(bytes(8 << 20)), mtime=0)
    body, problems = decoded(twice, ["gzip, gzip"])
    assert len(body) == 1 << 16
    assert problems == ("the body is longer than 65,536 bytes when it is unpacked: what follows is left out",)


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, brotli.compress])
def test_a_bomb_is_cut_off(pack) -> None:
    name = {gzip.compress: "gzip", zlib.compress: "deflate", brotli.compress: "br"}[pack]
    body, problems = decoded(pack(bytes(1 << 20)), [name], 1000)
    assert len(body) == 1000
    assert problems == ("the body is longer than 1,000 bytes when it is unpacked: what follows is left out",)


def test_without_brotli_the_problem_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "brotli", None)
    body, problems = decoded(b"anything", ["br"])
    assert body == b"anything"
    assert problems == ("the body is encoded as br, for which a package is missing: pip install brotli",)


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "br", "gzip, br"]))
def test_no_body_makes_decoding_fail(body: bytes, name: str) -> None:
    decoded(body, [name])
    decoded(gzip.compress(body, mtime=0)[3:], [name])
