"""A capture in which nothing was found says why, in one line, and what to do next."""

from __future__ import annotations

from io import BytesIO

import pytest

from lmdecode.app.decode import Outcome, read
from lmdecode.capture.source import OpenCapture
from lmdecode.codec.v1 import speakers_with
from tests.capture.building import APP, MACHINE, START_NS, decode, ethernet, new_decoder, packets, pcap, talk

ESP = bytes(12) + b"\x08\0\x45\0\0\x46\0\0\0\0\x40\x32\0\0\x0a\0\0\1\x0a\0\0\2" + bytes(range(50))
ENCRYPTED_WIFI = b"\x08\x42" + bytes(60)


def complaints(path, data=None):
    """What is said of a file, or of a stream if there is no path."""
    if isinstance(path, OpenCapture):
        outcome = Outcome(path)
    else:
        path.write_bytes(data)
        outcome = Outcome(path)
    assert list(read(outcome, speakers_with(new_decoder()))) == []
    return [complaint.replace(str(path), "x") for complaint in outcome.complaints]


def repeated(packet, number=3, link_type=1):
    return pcap([(START_NS, packet)] * number, link_type=link_type)


@pytest.mark.parametrize(
    ("data", "layer", "advice"),
    [
        (repeated(ESP), "IPsec (ESP) (3 packets)", "record inside the tunnel"),
        (repeated(ENCRYPTED_WIFI, link_type=105), "encrypted Wi-Fi (3 packets)", "record on the access point"),
        (repeated(bytes(12) + b"\x99\x99" + bytes(46), 1), "Ethernet type 0x9999 (1 packet)", "record on the bridge"),
        (repeated(b"?" * 40, link_type=150), "link type 150 (USER3) (3 packets)", "record on the bridge"),
        (repeated(b"\x06\xee" * 20, link_type=150), "link type 150 (USER3) (3 packets)", "record on the bridge"),
    ],
)
def test_layers_that_were_not_looked_into_are_named_in_one_line(tmp_path, data, layer, advice):
    (line,) = complaints(tmp_path / "x", data)
    assert line.startswith(f"x: no TCP traffic in what can be read; not looked into: {layer}; {advice}")


def test_where_there_was_no_such_layer_the_place_is_asked_for(tmp_path):
    (line,) = complaints(tmp_path / "x", repeated(bytes(12) + b"\x08\x06" + bytes(46)))
    assert line == "x: no TCP traffic at all: was it captured where app and machine talk?"


def test_a_log_of_bluetooth_without_a_packet_is_not_asked_for_tcp(tmp_path):
    (line,) = complaints(tmp_path / "x", b"btsnoop\0" + (1).to_bytes(4, "big") + (1002).to_bytes(4, "big"))
    assert line.startswith("x: no packet of Bluetooth Low Energy is in it: switch the log on")
    assert "how-to/bluetooth" in line


def test_beside_traffic_on_other_ports_they_are_named_too(tmp_path):
    other = talk(app=APP._replace(port=50000), machine=MACHINE._replace(port=4711))
    (line,) = complaints(tmp_path / "x", pcap([*packets(other.segments, ethernet), (START_NS, ESP)]))
    assert line.startswith("x: nothing on TCP port 1774; busiest are 4711 (")
    assert "try --port 4711" in line
    assert "; not looked into: IPsec (ESP) (1 packet); record inside" in line


def test_a_stream_is_not_looked_at_twice():
    (line,) = complaints(OpenCapture(BytesIO(repeated(ESP))))
    assert "name another port with --port" in line
    assert "; not looked into: IPsec (ESP); record inside" in line


def test_where_something_was_found_nothing_is_said_of_them(tmp_path):
    data = pcap([*packets(talk().segments), (START_NS, ESP)])
    assert decode(tmp_path / "x", data)[1].warnings == []
    outcome = Outcome(tmp_path / "x")
    assert list(read(outcome, speakers_with(new_decoder())))
    assert outcome.complaints == outcome.notes == []
