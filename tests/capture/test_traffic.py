"""Which ports a capture is about."""

from __future__ import annotations

import pytest

from lmdecode.capture import CaptureError, PortTraffic, busiest_ports
from lmdecode.capture.net.packet import Endpoint
from tests.capture.building import Talk, exported, packets, pcap, seal, talk

WEB = Endpoint("10.0.0.9", 443)


def web(number):
    made = Talk(machine=WEB).open()
    for _ in range(number):
        made.send("app", b"GET /", acked=False)
    return made.segments


@pytest.mark.parametrize("build", [lambda made: pcap(packets(made)), exported], ids=["pcap", "json"])
def test_ports_with_frames_come_first(build, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(build([*web(50), *talk(5, machine=Endpoint("10.0.0.1", 4711)).segments]))
    assert busiest_ports(path) == [PortTraffic(4711, 18, 6), PortTraffic(443, 53, 0)]
    assert busiest_ports(path, 1) == [PortTraffic(4711, 18, 6)]


def test_a_syn_tells_the_servers_port(tmp_path):
    made = Talk(app=Endpoint("10.0.0.1", 80), machine=Endpoint("10.0.0.2", 8080)).open().segments[:1]
    path = tmp_path / "x"
    path.write_bytes(pcap(packets(made)))
    assert busiest_ports(path) == [PortTraffic(8080, 1, 0)]


def test_what_only_begins_like_a_frame_is_none(tmp_path):
    made = Talk().open().send("app", b"@abc").send("app", b"abc%").send("app", seal("x") + seal("y"))
    path = tmp_path / "x"
    path.write_bytes(pcap(packets(made.segments)))
    assert busiest_ports(path)[0].frames == 1


def test_a_capture_without_tcp_has_no_ports(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(pcap([(0, bytes(60))]))
    assert busiest_ports(path) == []


def test_a_file_that_is_no_capture(tmp_path):
    with pytest.raises(CaptureError, match="does not exist"):
        busiest_ports(tmp_path / "x")
