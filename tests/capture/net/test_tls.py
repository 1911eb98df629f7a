"""Which host a TLS connection is with, by the client's first message."""

from __future__ import annotations

import ssl
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.app.decode import outcomes_of, read
from lmdecode.capture.net.packet import Endpoint
from lmdecode.capture.net.tls import Visits, server_name
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.speakers import Speakers
from tests.capture.building import APP, Talk, packets, pcap

CLOUD = Endpoint("93.184.215.14", 443)


def client_hello(host: str | None = "lion.lamarzocco.io") -> bytes:
    """What this computer's own TLS sends first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = host is not None
    connection = context.wrap_bio(incoming, outgoing, server_hostname=host)
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()


HELLO = client_hello()


def in_records(data: bytes, size: int) -> bytes:
    """The same message in records of so many bytes."""
    message = data[5:]
    pieces = [message[at : at + size] for at in range(0, len(message), size)]
    return b"".join(b"\x16\x03\x01" + struct.pack("!H", len(each)) + each for each in pieces)


@pytest.mark.parametrize("data", [HELLO, in_records(HELLO, 100), in_records(HELLO, 1), HELLO + b"\x14\x03\x03"])
def test_the_host_that_a_client_names(data):
    assert server_name(data) == b"lion.lamarzocco.io"


def test_none_is_named():
    assert server_name(client_hello(None)) == b""
    assert server_name(b"GET / HTTP/1.1") == b""
    assert server_name(b"\x16\x03\x03\0\x04\2\0\0\0") == b""  # the server's answer


def test_more_is_needed_up_to_the_end():
    assert {server_name(HELLO[:end]) for end in range(len(HELLO))} == {None}


@given(st.binary(max_size=200), st.integers(0, len(HELLO)), st.booleans())
def test_whatever_it_is(noise, at, is_put_in):
    name = server_name(HELLO[:at] + noise + HELLO[at + (0 if is_put_in else len(noise)) :])
    assert name is None or name.isascii()


def visit(pieces, host="lion.lamarzocco.io", port=40000):
    made = Talk(app=Endpoint(APP.host, port), machine=CLOUD).open()
    hello = client_hello(host)
    size = -(-len(hello) // pieces)
    for at in range(0, len(hello), size):
        made.send("app", hello[at : at + size], acked=False)
    return made.send("machine", b"\x17\x03\x03\0\x01x").idle(60).send("app", b"\x17\x03\x03\0\x01x").close()


@pytest.mark.parametrize("pieces", [1, 2, 7])
def test_visits_are_counted_by_host(pieces):
    visits = Visits()
    segments = [
        *visit(pieces).segments,
        *visit(pieces, "www.example.com", 40001).segments,
        *visit(pieces, "gw.lamarzocco.io", 40002).segments,
        *visit(pieces, port=40003).segments,
    ]
    for segment in segments:
        visits.take(segment)
    assert [(each.host, each.connections) for each in visits.all()] == [
        ("lion.lamarzocco.io", 2),
        ("gw.lamarzocco.io", 1),
    ]
    assert visits.all()[0].last_ns == max(segment.time_ns for segment in segments)


def test_a_million_tiny_pieces_fill_nothing():
    visits = Visits()
    for number in range(2000):
        made = Talk(app=Endpoint("10.0.0.1", 1 + number), machine=CLOUD).send("app", b"\x16\x03\x01")
        visits.take(made.segments[0])
    assert len(visits._waiting) <= 500


def decoded(path):
    (outcome,) = outcomes_of([path])
    records = list(read(outcome, Speakers.open(OwnerAccess())))
    return records, outcome


def test_a_capture_with_nothing_but_tls_says_with_whom_and_what_to_record(tmp_path):
    path = tmp_path / "lan.pcap"
    path.write_bytes(pcap(packets([*visit(2).segments, *visit(1, port=40001).segments])))
    _, outcome = decoded(path)
    (complaint,) = outcome.complaints
    assert complaint.startswith(
        f"{path}: nothing but TLS with La Marzocco's cloud, which cannot be read: lion.lamarzocco.io (2 connections), "
        "2023-11-14 22:13:20 to "
    )
    assert "record instead the debug log of Home Assistant" in complaint


def test_beside_other_messages_it_is_a_note(tmp_path):
    path = tmp_path / "lan.pcap"
    v3 = Talk(machine=Endpoint("192.168.1.215", 8081)).open().send("app", b"GET /api/v1/config HTTP/1.1\r\n\r\n")
    path.write_bytes(pcap(packets([*v3.segments, *visit(1).segments])))
    _, outcome = decoded(path)
    assert not outcome.complaints
    assert "beside what was decoded there is TLS with La Marzocco's cloud" in outcome.notes[-1]
    path.write_bytes(pcap(packets([*v3.segments, *visit(1, "www.example.com").segments])))
    assert not decoded(path)[1].notes
