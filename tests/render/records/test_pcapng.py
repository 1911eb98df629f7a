from __future__ import annotations

import io
import shutil
import subprocess
from typing import NamedTuple

import pytest

from lmdecode.capture import decode_packets
from lmdecode.codec.v1 import speakers_with
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key
from lmdecode.render.records import pcapng
from lmdecode.render.sentence import sentences
from tests.codec.v1.samples import KEY_TEXT, frame, with_check
from tests.render.tshark import CAPTURES, START, columns, needs_tshark, talk, tshark

ETHERNET, RAW_IP = 1, 101
FRAME = bytes(12) + b"\x08\x00" + bytes(20)


class Packet(NamedTuple):
    """As lmdecode.capture's; it is made to be taken by its form."""

    time_ns: int
    link_type: int
    data: bytes
    original_length: int


def written(packets, folder):
    path = folder / "annotated.pcapng"
    with path.open("wb") as file:
        pcapng.write(file, packets)
    return path


def comments(path):
    """The comments of each packet."""
    return [cell.split("\x1e") if cell else [] for (cell,) in columns(path, ["frame.comment"])]


def sample(name):
    return list(decode_packets(CAPTURES / name, speakers_with(FrameDecoder(Key.parse(KEY_TEXT)))))


@needs_tshark
@pytest.mark.parametrize("name", ["gs3av-settings.pcap", "gs3mp-standby.pcapng"])
def test_packets_are_unchanged_and_the_right_ones_have_a_comment(name, tmp_path):
    pairs = sample(name)
    path = written(pairs, tmp_path)
    wanted = ["frame.time_epoch", "frame.len", "frame.cap_len", "frame.encap_type", "ip.src", "tcp.seq_raw"]
    assert columns(path, wanted) == columns(CAPTURES / name, wanted)
    assert tshark(path, "-x") == tshark(CAPTURES / name, "-x")
    expected = [[line for record in records for line in sentences(record)] for _, records in pairs[:-1]]
    assert comments(path) == expected
    assert sum(map(bool, expected)) > 10


@needs_tshark
@pytest.mark.parametrize("name", ["gs3av-settings.pcap", "gs3mp-standby.pcapng"])
def test_it_reads_back_as_the_same_capture(name, tmp_path):
    path = written(sample(name), tmp_path)
    again = list(decode_packets(path, speakers_with(FrameDecoder(Key.parse(KEY_TEXT)))))
    assert again == sample(name)


@needs_tshark
def test_a_comment_is_in_names_and_units(tmp_path):
    asked, answer, report = talk(
        ("app", with_check("R401C0004")), ("machine", b"R401C000403BC04D8B6"), ("machine", b"R401C000403BC04D8B7")
    )
    packet = Packet(START, ETHERNET, FRAME, len(FRAME))
    path = written([(packet, [asked]), (packet, []), (packet, [answer, report]), (None, [])], tmp_path)
    first, second, third = comments(path)
    assert first == ["app read temperatures"]
    assert second == []
    assert third[:3] == [
        "machine answer temperatures: coffee_temp 95.6 °C, steam_temp 124.0 °C",
        "machine report temperatures: coffee_temp 95.6 °C, steam_temp 124.0 °C",
        "! check byte is B7, should be B6",
    ]


@needs_tshark
def test_several_link_types_cut_packets_and_nanoseconds(tmp_path):
    ipv4 = bytes.fromhex("4500001400000000400600000a0000010a000002")
    packets = [
        Packet(START, ETHERNET, FRAME, 1500),
        Packet(START + 1, RAW_IP, ipv4, len(ipv4)),
        Packet(START + 2, ETHERNET, FRAME + b"x", len(FRAME) + 1),
    ]
    path = written([(packet, []) for packet in packets], tmp_path)
    wanted = ["frame.time_epoch", "frame.interface_id", "frame.len", "frame.cap_len"]
    assert columns(path, wanted) == [
        ["1795229755.174158001", "0", "1500", "34"],
        ["1795229755.174158002", "1", "20", "20"],
        ["1795229755.174158003", "0", "35", "35"],
    ]


@needs_tshark
@pytest.mark.skipif(shutil.which("capinfos") is None, reason="capinfos is not installed")
def test_capinfos_takes_it(tmp_path):
    path = written(sample("gs3av-settings.pcap"), tmp_path)
    result = subprocess.run(["capinfos", "-M", str(path)], capture_output=True, encoding="utf-8", check=True)
    assert result.stderr == ""
    assert "nanoseconds (9)" in result.stdout
    assert "Number of packets:   142" in result.stdout
    assert "Capture application: lmdecode" in result.stdout


@needs_tshark
def test_what_was_left_at_the_end_is_told_by_the_last_packet(tmp_path):
    (record,) = talk(("app", b"@AAAA"))
    packet = Packet(START, ETHERNET, FRAME, len(FRAME))
    first, last = comments(written([(packet, []), (packet, []), (None, [record])], tmp_path))
    assert first == []
    assert last == [
        "left at the end of the capture, connection 0, 192.168.1.150:36364 to 192.168.1.215:1774:",
        "app: not decoded",
        "! 5 bytes that belong to no whole frame",
        "! the connection ended inside this frame",
        "! as captured: @AAAA",
    ]


@needs_tshark
def test_a_packet_that_completes_very_much_has_many_comments(tmp_path):
    status = with_check("R40000020" + "0178020000000000000000000000000100000000000000010100001003B804D6")
    records = talk(*[("machine", status)] * 400)
    packet = Packet(START, ETHERNET, FRAME, len(FRAME))
    path = written([(packet, records), (None, [])], tmp_path)
    (found,) = comments(path)
    assert found == [line for record in records for line in sentences(record)]
    assert len(found) >= 400


def test_nothing_of_a_secret_and_no_escape_sequences():
    records = talk(
        ("machine", with_check("R01110004" + b"SECR".hex().upper())),
        ("machine", frame(b"\x1b[31mred")),
        ("machine", b"@\x1b]0;title\x07%"),
    )
    file = io.BytesIO()
    pcapng.write(file, [(Packet(START, ETHERNET, FRAME, len(FRAME)), records), (None, [])])
    assert b"SECR" not in file.getvalue()
    assert b"SECR".hex().encode() not in file.getvalue().lower()
    assert b"\x1b" not in file.getvalue()


@needs_tshark
def test_a_capture_that_breaks_off_has_all_packets_before_the_break(tmp_path):
    def packets():
        yield Packet(START, ETHERNET, FRAME, len(FRAME)), []
        yield Packet(START, ETHERNET, FRAME, len(FRAME)), talk(("app", with_check("R401C0004")))
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        written(packets(), tmp_path)
    assert comments(tmp_path / "annotated.pcapng") == [[], ["app read temperatures"]]


@needs_tshark
def test_captures_one_after_the_other(tmp_path):
    (record,) = talk(("app", b"@AAAA"))
    packet = Packet(START, ETHERNET, FRAME, len(FRAME))
    first, second = comments(written([(packet, []), (None, [record]), (packet, []), (None, [])], tmp_path))
    assert first[1] == "app: not decoded"
    assert second == []


@needs_tshark
def test_a_capture_without_packets(tmp_path):
    path = written([(None, [])], tmp_path)
    assert tshark(path) == ""


@needs_tshark
def test_times_beyond_what_the_format_holds(tmp_path):
    packets = [Packet(time, ETHERNET, FRAME, len(FRAME)) for time in (-5, 1 << 70)]
    path = written([(packet, []) for packet in packets], tmp_path)
    assert [cell for (cell,) in columns(path, ["frame.time_epoch"])] == ["0.000000000", "18446744073.709551615"]


@needs_tshark
def test_packets_of_gateway_v3_have_comments_and_stay_http_and_websocket(tmp_path):
    from lmdecode.codec.dialect import OwnerAccess
    from lmdecode.codec.speakers import Speakers

    pairs = list(decode_packets(CAPTURES / "v3-morning.pcap", Speakers.open(OwnerAccess())))
    path = written(pairs, tmp_path)
    wanted = ["frame.time_epoch", "frame.len", "http.request.uri", "websocket.opcode"]
    assert columns(path, wanted) == columns(CAPTURES / "v3-morning.pcap", wanted)
    said = comments(path)
    assert said[3] == ["app GET /api/v1/config"]
    assert said[5][1].startswith("! refused with status 403: the machine has no token yet")
    assert any("machine WebSocket /api/v1/streaming: coffee_temp 24.2 °C" in line for lines in said for line in lines)
    assert "of-the-machine" not in str(said)
