"""Fiddler's sessions: messages as they are on the wire, and as they are not."""

from __future__ import annotations

import gzip
import io
import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.capture.http.saz import exchange_of, is_saz, read_saz
from lmdecode.cloud.collection import Collection
from tests.cloud.archives import ALL, FORM, LOGIN, TOKENS, fleet, found_in

SENT = urlencode(LOGIN).encode()


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x;x=y\r\n%b\r\n" % (len(each), each) for each in pieces) + b"0\r\n\r\n"


def messages(url: bytes, *, size: int = 0, coding: str = "", line_end: bytes = b"\r\n"):
    answers = []
    for value in (TOKENS, fleet()):
        body = json.dumps(value).encode()
        body = gzip.compress(body) if coding else body
        head = b"HTTP/1.1 200 OK\r\n" + (b"Content-Encoding: gzip\r\n" if coding else b"")
        head += b"Transfer-Encoding: chunked\r\n" if size else b""
        answers.append(head.replace(b"\r\n", line_end) + line_end + (chunked(body, size) if size else body))
    host = b"Host: cms.lamarzocco.io\r\nContent-Type: " + FORM.encode()
    asked = [
        b"POST %b/oauth/v2/token HTTP/1.1\r\n%b\r\n\r\n" % (url, host),
        b"GET %b/api/customer HTTP/1.1\r\n%b\r\n\r\n" % (url, host),
    ]
    asked = [each.replace(b"\r\n", line_end) for each in asked]
    return [(asked[0] + SENT, answers[0]), (asked[1], answers[1])]


@given(
    st.sampled_from([b"https://cms.lamarzocco.io", b"https://cms.lamarzocco.io:443", b""]),
    st.integers(0, 60),
    st.sampled_from(["", "gzip"]),
    st.sampled_from([b"\r\n", b"\n"]),
)
def test_messages_as_they_were_on_the_wire(url, size, coding, line_end):
    collection = Collection()
    for asked, answered in messages(url, size=size, coding=coding, line_end=line_end):
        collection.add(exchange_of(asked, answered))
    assert found_in(collection) == ALL


@given(st.binary(max_size=120), st.none() | st.binary(max_size=120), st.integers(0, 400), st.integers(0, 5))
def test_whatever_is_in_a_file(asked, answered, at, removed):
    Collection().add(exchange_of(asked, answered))
    for good, answer in messages(b"", size=7):
        Collection().add(exchange_of(good[:at] + asked + good[at + removed :], answer[:at] + asked + answer[at:]))


def test_an_archive():
    files = {"[Content_Types].xml": b"", "raw/1_c.txt": b"GET https://www.example.com/ HTTP/1.1\r\n\r\n"}
    for number, (asked, answered) in enumerate(messages(b"https://cms.lamarzocco.io"), 2):
        files |= {f"raw/{number}_c.txt": asked, f"raw/{number}_m.xml": b"", f"raw/{number}_s.txt": answered}
    assert is_saz(files)
    collection = Collection()
    exchanges = list(read_saz(list(files), lambda name: io.BytesIO(files[name])))
    for exchange in exchanges:
        collection.add(exchange)
    assert [exchange.request.host for exchange in exchanges] == ["www.example.com", *["cms.lamarzocco.io"] * 2]
    assert found_in(collection) == ALL
    del files["raw/2_s.txt"]
    assert next(iter(read_saz(["raw/2_c.txt"], lambda name: io.BytesIO(files[name])))).response is None


@pytest.mark.parametrize("name", ["raw/x_c.txt", "raw/1_s.txt", "1_c.txt", "raw/" + "1" * 5000 + "_c.txt"])
def test_other_archives(name):
    assert not is_saz([name])


def test_headers_without_end_do_not_fill_the_memory():
    asked = b"GET https://cms.lamarzocco.io/ HTTP/1.1\r\n" + b"a: b\r\n" * 1_000_000
    exchange = exchange_of(asked, None)
    assert exchange.request.host == "cms.lamarzocco.io"
    assert len(exchange.request.headers) < 100_000
