"""Flows of mitmproxy as captures: with the cloud, with machines, and with others."""

from __future__ import annotations

import gzip
import io
import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # at what mitmproxy imports
    pytest.importorskip("mitmproxy", reason="mitmproxy is not installed beside lmdecode")
    from mitmproxy.io import FlowWriter
    from mitmproxy.tcp import TCPMessage
    from mitmproxy.test import tflow, tutils
    from mitmproxy.websocket import WebSocketMessage
    from wsproto.frame_protocol import Opcode

from lmdecode.capture import CaptureError, CaptureStatistics, decode_capture
from lmdecode.capture.source import OpenCapture
from lmdecode.codec.dialect import MachineKey, OwnerAccess
from lmdecode.codec.speakers import Speakers
from lmdecode.codec.v1.key import Key
from tests.capture.building import ASK, KEY_TEXT, report, seal

START = 1_795_242_600.0
LION = "lion.lamarzocco.io"


def http(host=LION, path=b"/api/customer-app/things", *, at=START, answer=b"[]", client="client", **request):
    asked = tutils.treq(
        host=host, path=path, scheme=b"https", authority=b"", timestamp_start=at, timestamp_end=at, **request
    )
    asked.headers.pop("host", None)
    given = tutils.tresp(content=answer, timestamp_start=at + 0.25, timestamp_end=at + 0.25)
    flow = tflow.tflow(req=asked, resp=given)
    flow.client_conn.id = client
    return flow


def tcp(pieces, port=1774):
    flow = tflow.ttcpflow(messages=[TCPMessage(by_app, data, START + at) for at, by_app, data in pieces])
    flow.server_conn.address = ("192.168.1.215", port)
    return flow


def saved(*flows):
    file = io.BytesIO()
    writer = FlowWriter(file)
    for flow in flows:
        writer.add(flow)
    return file.getvalue()


def decode(content):
    statistics = CaptureStatistics()
    access = OwnerAccess([MachineKey("kitchen", Key.parse(KEY_TEXT))])
    records = list(decode_capture(OpenCapture(io.BytesIO(content)), Speakers.open(access), statistics=statistics))
    return records, statistics


def test_a_request_and_its_answer():
    (asked, answered), statistics = decode(saved(http(port=443)))
    assert (asked.subject, asked.source) == ("GET /api/customer-app/things", "127.0.0.1:22")
    assert (asked.time_ns, answered.elapsed) == (1_795_242_600 * 10**9, 0.25)
    assert (statistics.noun, statistics.port_packets, statistics.connections) == ("request", 1, 1)


def test_requests_of_one_client_connection_are_one_stream():
    records, statistics = decode(saved(http(), http(at=START + 1), http(client="another", at=START + 2)))
    assert [record.stream for record in records] == [0, 0, 0, 0, 1, 1]
    assert statistics.connections == 2


def test_a_websocket_is_told_between_the_requests_of_its_time():
    socket = http(path=b"/ws/connect", client="socket")
    socket.response.status_code = 101
    socket.websocket = tflow.twebsocketflow().websocket
    socket.websocket.messages = [
        WebSocketMessage(Opcode.TEXT, False, b"MESSAGE\ndestination:/ws/sn/MR012345/dashboard\n\n{}\0", START + at)
        for at in (2, 6)
    ]
    records, _ = decode(saved(http(at=START + 4), socket))  # saved when it was closed
    assert [(record.time_ns - records[0].time_ns) / 10**9 for record in records] == [0, 0.25, 2, 4, 4.25, 6]
    assert [record.kind for record in records if record.stream == 0] == ["stream"] * 4


def test_bytes_with_a_machine_are_messages_of_its_protocol():
    frame = seal(report(0x0102))
    flow = tcp([(0, True, seal(ASK)), (0.5, False, frame[:10]), (0.6, False, frame[10:])])
    records, statistics = decode(saved(tcp([(0, True, b"x")], port=443), flow))
    assert [(record.generation, record.sender, record.problems) for record in records] == [
        ("v1", "app", ()),
        ("v1", "machine", ()),
    ]
    assert records[1].time_ns == 1_795_242_600_600_000_000
    assert records[1].source == "192.168.1.215:1774"
    assert statistics.connections == 1


def test_where_a_proxy_saw_an_address_the_name_that_was_asked_for_counts():
    flow = http(host="93.184.215.14")
    flow.server_conn.sni = LION
    records, _ = decode(saved(flow))
    assert records[0].destination == "lion.lamarzocco.io:22"


def test_others_are_counted_and_not_read():
    records, statistics = decode(saved(http("www.example.com", answer=b"of somebody else"), http(), tflow.tdnsflow()))
    assert len(records) == 2
    assert statistics.notes == ["1 request to another host was passed over"]
    with pytest.raises(CaptureError, match="its request is not to La Marzocco's cloud"):
        decode(saved(http("www.example.com")))


def test_a_compressed_body_and_one_that_is_not():
    packed, lied = http(answer=gzip.compress(b'{"connected": true}')), http(answer=b"\0\1\2", at=START + 1)
    for flow in (packed, lied):
        flow.response.headers["content-encoding"] = "gzip"
    records, _ = decode(saved(packed, lied))
    assert records[1].plaintext == '{"connected": true}'
    assert records[3].problems == ("the body claims to be gzip, but is not: 3 bytes of it were left out",)


def test_a_file_that_is_cut_short_gives_what_is_whole():
    content = saved(http(), http(at=START + 1))
    records, statistics = decode(gzip.compress(content[:-100]))
    assert len(records) == 2
    assert "damaged or cut short after 1 flow" in statistics.warnings[0]


def test_a_websocket_of_days_is_not_too_large():
    socket = http(path=b"/ws/connect")
    text = b'MESSAGE\n\n"' + b":a" * 30_000 + b'"\0'
    socket.websocket = tflow.twebsocketflow().websocket
    socket.websocket.messages = [WebSocketMessage(Opcode.TEXT, False, text, START + at) for at in range(20)]
    content = saved(socket)
    assert content.count(b":") > 500_000
    records, _ = decode(content)
    assert len(records) == 22


def test_without_mitmproxy_the_command_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "lmdecode.capture.http.flow", None)
    with pytest.raises(CaptureError, match=r"is not installed beside lmdecode: .*pip install .*\[mitm\]"):
        decode(saved(http()))
