from __future__ import annotations

import io
import struct

import pytest

from lmdecode.capture import decode_capture
from lmdecode.codec.v1 import speakers_with
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key
from lmdecode.render.records import exported_pdu
from tests.codec.v1.samples import KEY_TEXT, frame, with_check
from tests.render.tshark import CAPTURES, columns, needs_tshark, talk

ASKED, ANSWER = with_check("R401C0004"), b"R401C000403BC04D8B6"


def tags(data):
    """The tags of a packet, each with its value, and what comes after them."""
    found, position = {}, 0
    while True:
        number, size = struct.unpack_from(">HH", data, position)
        position += 4 + size
        if number == 0:
            return found, data[position:]
        assert size % 4 == 0
        found[number] = data[position - size : position]


def test_tags_and_plaintext():
    asked, answer = (tags(exported_pdu.packet(record)) for record in talk(("app", ASKED), ("machine", ANSWER)))
    assert asked[1] == ASKED
    assert answer[1] == ANSWER
    assert asked[0] == {
        12: b"lamarzocco\0\0",
        20: bytes([192, 168, 1, 150]),
        21: bytes([192, 168, 1, 215]),
        24: b"\0\0\0\2",
        25: (36364).to_bytes(4, "big"),
        26: (1774).to_bytes(4, "big"),
        35: b"\0\0\0\0",
    }
    assert answer[0][35] == b"\0\0\0\1"
    assert (answer[0][20], answer[0][25]) == (asked[0][21], asked[0][26])


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        ("[fe80::1]:40000", {22: bytes.fromhex("fe80") + bytes(13) + b"\1", 25: (40000).to_bytes(4, "big")}),
        ("app", {25: bytes(4)}),
        ("somewhere:99999", {25: bytes(4)}),
    ],
)
def test_ends_of_every_kind(app, expected):
    (record,) = talk(("app", ASKED), app=app)
    found, payload = tags(exported_pdu.packet(record))
    assert {number: value for number, value in found.items() if number in {20, 22, 25}} == expected
    assert payload == ASKED


def test_without_plaintext_the_bytes_as_captured():
    (record,) = talk(("machine", b"@AAAA%"))
    assert record.plaintext is None
    assert tags(exported_pdu.packet(record))[1] == b"@AAAA%"


def test_a_secret_stays_masked():
    secret = with_check("R01110004" + b"SECR".hex().upper())
    file = io.BytesIO()
    exported_pdu.write(file, talk(("machine", secret), ("machine", secret[:-2] + b"00")))
    assert b"R01110004**********" in file.getvalue()
    assert b"SECR".hex().upper().encode() not in file.getvalue()
    assert b"withheld" in file.getvalue()


@needs_tshark
@pytest.mark.parametrize("name", ["gs3av-settings.pcap", "gs3mp-standby.pcapng", "gs3av-settings.tshark.json"])
def test_what_tshark_reads_without_the_plugin(name, tmp_path):
    records = list(decode_capture(CAPTURES / name, speakers_with(FrameDecoder(Key.parse(KEY_TEXT)))))
    path = tmp_path / "messages.pcapng"
    with path.open("wb") as file:
        exported_pdu.write(file, records)
    wanted = ["frame.time_epoch", "exported_pdu.prot_name", "ip.src", "exported_pdu.src_port", "exported_pdu.dst_port"]
    rows = columns(path, [*wanted, "exported_pdu.exported_pdu", "frame.comment"])
    for row, record in zip(rows, records, strict=True):
        assert all(f"! {problem}" in row[-1] for problem in record.problems)
    assert [row[:-1] for row in rows] == [
        [
            f"{record.time_ns // 10**9}.{record.time_ns % 10**9:09}",
            "lamarzocco",
            record.source.partition(":")[0],
            record.source.partition(":")[2],
            record.destination.partition(":")[2],
            record.plaintext.encode().hex(),
        ]
        for record in records
    ]


@needs_tshark
def test_problems_stand_in_the_comment(tmp_path):
    path = tmp_path / "messages.pcapng"
    with path.open("wb") as file:
        exported_pdu.write(
            file, talk(("machine", b"R401C000403BC04D8B7"), ("machine", frame(b"hello")), ("app", ASKED))
        )
    (damaged,), (unread,), (good,) = columns(path, ["frame.comment"])
    assert "check byte is B7, should be B6" in damaged
    assert "too short for a message" in unread
    assert good == ""


@needs_tshark
def test_tshark_reads_the_json_of_the_newer_generations(tmp_path):
    from lmdecode.codec.dialect import OwnerAccess
    from lmdecode.codec.speakers import Speakers

    target = tmp_path / "morning.pcapng"
    records = list(decode_capture(CAPTURES / "v3-morning.pcap", Speakers.open(OwnerAccess())))
    with target.open("wb") as file:
        exported_pdu.write(file, records)
    rows = columns(target, ["frame.protocols", "json.member", "frame.comment", "_ws.col.Info"])
    assert len(rows) == len(records)
    assert rows[0][0].endswith(":data-text-lines")
    assert rows[0][2] == "app GET /api/v1/config"
    pushed = next(row for row, record in zip(rows, records, strict=True) if "coffee_temp" in record.fields)
    stream = next(row for row in rows if "CoffeeBoiler1UpdateTemperature" in row[1])
    assert "json" in pushed[0]
    assert "coffee_temp 24.2 °C" in stream[2]


def test_bytes_of_the_newer_generations_are_data():
    from tests.codec.web_building import heard

    (garbage,) = heard(("app", b"garbage"))
    found, payload = tags(exported_pdu.packet(garbage))
    assert (found[12], payload) == (b"data", b"**")  # what cannot be read may hold a secret
