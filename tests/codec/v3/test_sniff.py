"""What looks like gateway v3 is read as such on any port; what is on the rest of the web does not look so."""

from __future__ import annotations

import pytest

from lmdecode.codec.dialect import RECORDS, OwnerAccess, Place, Tallies
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.speakers import Speakers
from lmdecode.codec.v3 import DIALECT
from tests.codec.web_building import CONFIG, SWITCHED, TEMPERATURES, UPGRADE, answer, frame

ASSISTANT = b'{"id":5,"type":"result","success":true}'


@pytest.mark.parametrize(
    "payload",
    [
        CONFIG,
        UPGRADE,
        SWITCHED,
        answer(b'{"version":"v1","machine_sn":"Sn1"}'),
        frame(TEMPERATURES),
        frame(b'[{"name":"BrewingUpdateGroup1Time","value":1}]' + b" " * 200),
        frame(b'{"SystemInfo":"', final=False),
        frame(b"", 9),
        frame(b"lm", 10, mask=b"abcd"),
        frame(b"compressed" * 20, rsv1=True),
    ],
)
def test_ours_looks_like_ours(payload: bytes) -> None:
    assert DIALECT.sniff(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x81",
        b"GET /index.html HTTP/1.1\r\nHost: example.org\r\n\r\n",
        answer(b"<html>", b"Content-Type: text/html"),
        answer(b'{"state":"on"}'),
        answer(b"", b"Content-Length: 0", status=b"403 Forbidden"),
        frame(ASSISTANT),
        frame(b"compressed", rsv1=True) + b"\xc1",
        b"\x16\x03\x01\x02\x00\x01",
        b"@abcd%",
    ],
)
def test_others_do_not(payload: bytes) -> None:
    assert not DIALECT.sniff(payload)


def test_on_another_port_the_first_bytes_that_look_like_ours_decide() -> None:
    speakers = Speakers.open(OwnerAccess(missing=LmdecodeError("there is no key")), port=12345)
    tallies = Tallies()
    conversation = speakers.conversation(12345, RECORDS, Place(), tallies)
    assert not conversation.gap(1, "machine", 40, "gap")
    assert not conversation.receive(2, "machine", TEMPERATURES[40:])
    assert conversation.held > 0
    records = conversation.receive(3, "machine", frame(TEMPERATURES))
    assert [record.time_ns for record in records] == [1, 3, 3]
    assert [record.generation for record in records] == ["v3"] * 3
    assert records[2].fields["coffee_temp"] == 93.5
    assert not conversation.close(4)
    assert set(tallies) == {"v3"}


def test_what_looks_like_nothing_goes_to_the_first_dialect_in_the_end() -> None:
    speakers = Speakers.open(OwnerAccess(missing=LmdecodeError("there is no key")), port=12345)
    conversation = speakers.conversation(12345, RECORDS, Place(), Tallies())
    assert not conversation.close(0)
    assert not conversation.receive(1, "app", b"anything")
    with pytest.raises(LmdecodeError, match="there is no key"):
        conversation.close(2)
