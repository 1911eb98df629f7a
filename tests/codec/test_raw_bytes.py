"""No secret, and no piece of one, is in what is made of a recording, wherever it has a gap, begins or ends."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.dialect import OwnerAccess, Place, Tally
from lmdecode.codec.lion.conversation import speaker as lion
from lmdecode.codec.raw_bytes import WITHHELD, may_be_shown
from lmdecode.codec.record import Record
from lmdecode.codec.secrets import masked_rest, masked_with_holes
from lmdecode.codec.web import HttpRequest, HttpResponse
from tests.codec.web_building import answer, frame, new_conversation

SHORTEST = 5  # characters of a secret that may be found in a Record by chance
FEWEST = 3  # letters and digits in such a piece; that a blank follows a semicolon gives nothing away
SECRETS = st.text("QXZJKVWY0123456789", min_size=12, max_size=60) | st.text(
    "QXZJKVWY59 !$%*+-./;@^_~()?", min_size=12, max_size=40
)


def _requests(secret: str) -> bytes:
    basic = base64.b64encode(f"Q:{secret}".encode())
    login = f"grant_type=password&password={secret}".encode()
    return (
        f"GET /api/v1/config?access_token={secret.replace(' ', '+')} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {secret}\r\nX-Request-Proof: {secret}\r\nCookie: a={secret}; b={secret}\r\n\r\n"
    ).encode() + (
        b"POST /login HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %b\r\nContent-Type: application/x-www-form-urlencoded"
        b"\r\nContent-Length: %d\r\n\r\n%b" % (basic, len(login), login)
    )


def _answers(secret: str) -> bytes:
    inner = json.dumps({"days": 7, "bleAuthToken": secret, "machineMode": "BrewingMode"})
    body = json.dumps({"name": "MR1", "wifiSsid": secret, "inner": inner, "tokens": [{"token": secret}], "b": 1})
    return answer(body.encode()) + answer(
        body.encode(), b"Content-Length: %d" % len(body), b"Set-Cookie: id=" + secret.encode(), status=b"500 Oh"
    )


def _stream(secret: str) -> bytes:
    text = json.dumps(
        [{"SystemInfo": json.dumps({"address": f"x{secret}", "mac": secret})}, {"communicationKey": secret}]
    )
    return frame(text.encode()) * 2 + frame(b"\x03\xe8token=" + secret.replace(" ", "_").encode(), 8)


def _nothing_of_it(secret: str, records: list[Record]) -> None:
    told = repr([record._replace(request=None) for record in records])
    told += b"".join(record.raw or b"" for record in records).decode("latin-1")
    basic = base64.b64encode(f"Q:{secret}".encode()).decode().rstrip("=")
    for kept in (secret, secret.replace(" ", "+"), basic):
        for at in range(len(kept) - SHORTEST + 1):
            piece = kept[at : at + SHORTEST]
            assert piece not in told or sum(map(str.isalnum, piece)) < FEWEST


@settings(max_examples=60)
@given(SECRETS, st.sampled_from(["requests", "answers", "stream"]), st.data())
def test_whatever_is_missing_no_piece_of_a_secret_is_shown(secret: str, what: str, data: st.DataObject) -> None:
    whole = {"requests": _requests, "answers": _answers, "stream": _stream}[what](secret)
    sender = "app" if what == "requests" else "machine"
    begin = data.draw(st.integers(0, len(whole) // 2) | st.just(0))
    cut = data.draw(st.integers(begin, len(whole)))
    resumes = data.draw(st.integers(cut, len(whole)))
    end = data.draw(st.integers(resumes, len(whole)) | st.just(len(whole)))
    late = data.draw(st.integers(begin, end))
    conversation, _ = new_conversation()
    records = [*conversation.receive(0, sender, whole[begin:cut])]
    if resumes > cut:
        records += conversation.gap(1, sender, resumes - cut, "a gap")
    records += conversation.receive(2, sender, whole[resumes:end])
    records += conversation.receive_late(3, sender, whole[begin:late], "late")
    records += conversation.receive_late(3, sender, whole[late:end], "late")
    records += conversation.let_go(4, "memory") if data.draw(st.booleans()) else ()
    records += conversation.close(5)
    _nothing_of_it(secret, records)


@settings(max_examples=60)
@given(SECRETS, st.data())
def test_frames_of_stomp_that_are_cut_show_no_piece_of_a_secret(secret: str, data: st.DataObject) -> None:
    secret = secret.replace(":", ";").strip() or "Q" * 12
    body = json.dumps({"connected": True, "bleAuthToken": secret, "inner": json.dumps([{"password": secret}]), "a": 1})
    texts = [
        f"CONNECT\naccept-version:1.2\nAuthorization:Bearer {secret}\npasscode:{secret}\n\n\0",
        f"MESSAGE\ndestination:/ws/sn/MR012345/dashboard\ncontent-length:{len(body)}\n\n{body}\0",
        f"ERROR\nmessage:no\n\nAuthorization:Bearer {secret}\nwas refused\0",
    ]
    for number, text in enumerate(texts):
        web = lion(OwnerAccess()).web(Place(0, "a", "b"), Tally())
        records = [*web.request(0, HttpRequest("GET", "lion", "/ws/connect")), *web.response(0, HttpResponse(101))]
        begin = data.draw(st.integers(0, len(text)) | st.just(0))
        end = data.draw(st.integers(begin, len(text)) | st.just(len(text)))
        records += web.message(number, "app" if not number else "machine", text[begin:end].encode())
        records += web.close(9)
        _nothing_of_it(secret, records)


def test_what_is_known_is_shown_and_nothing_else() -> None:
    assert may_be_shown(b"GET /api/v1/config HTTP/1.1\r\nHost: machine\r\nnoise") == (
        b"GET /api/v1/config HTTP/1.1\r\nHost: **\r\n**"
    )
    assert may_be_shown(b'hunter2 123 "target":94.5}') == b'** ** "target":94.5}'
    for data in (b"\xc1\x05abcde", b"th\xc3\xa9", b"\0"):
        assert may_be_shown(data) == b""


def test_a_record_says_that_bytes_are_not_shown_and_its_owner_sees_them() -> None:
    for access, problems, raw in (
        (OwnerAccess(), ("7 bytes that belong to no message", WITHHELD), b"**"),
        (OwnerAccess(show_secrets=True), ("7 bytes that belong to no message",), b"c0ffee1"),
    ):
        conversation, tally = new_conversation(access)
        conversation.receive(0, "machine", b"c0ffee1")
        (record,) = conversation.close(1)
        assert (record.problems, record.raw, tally.bytes_skipped) == (problems, raw, 7)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('my secret pass", "a": 1}', '**", "a": 1}'),
        ('pass\\",\\"a\\":1}"}', '**\\",\\"a\\":1}"}'),
        ("no quote", "**"),
        ("", ""),
    ],
)
def test_the_rest_of_a_text_is_masked_up_to_its_end(text: str, shown: str) -> None:
    assert masked_rest(text) == shown
    assert masked_with_holes(f"a\0{text}") == f"a\0{shown}"


def test_the_reason_for_a_close_is_masked() -> None:
    web = lion(OwnerAccess()).web(Place(), Tally())
    (record,) = web.control(0, "machine", "close", b"\x03\xe8token=c0ffee")
    assert record.plaintext == "1000 token=**"
