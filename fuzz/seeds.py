"""Valid input for each parser, made by hand and small: what is damaged should matter."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Iterator, Mapping

from tests.capture.building import (
    APP6,
    KEY_TEXT,
    MACHINE6,
    START_NS,
    Talk,
    block,
    enhanced,
    ethernet,
    exported,
    interface,
    ip,
    ipv4,
    message,
    packets,
    pcap,
    section,
    talk,
)

MESSAGES = (
    message("R40000020"),
    message("R401C000403BC04D8"),
    message("W00070002" + "03C2"),
    message("W00070002OK"),
    message("R0310001D" + "FE" + "06120612" * 7),
    message("Z60000016" + "00" * 22),
    message("R01110040"),
    message("R01110040" + "41" * 36 + "00" + "42" * 8 + "00" * 19),
    message("R03000007" + "10303606151907"),
)

# ---- captures


def _talks() -> Iterator[Talk]:
    yield talk(2)
    yield talk(2, app=APP6, machine=MACHINE6)
    lost = talk(3)
    del lost.segments[5]
    yield lost
    late = talk(3)
    late.segments[5], late.segments[7] = late.segments[7], late.segments[5]
    yield late


def _pcaps() -> Iterator[bytes]:
    for each in _talks():
        yield pcap(packets(each.segments))
        yield pcap(packets(each.segments, ip), link_type=101, order=">", nanoseconds=True)
    segments = talk(2).segments
    yield pcap([(each.time_ns, ethernet(each, tags=b"\x81\x00\x00\x07")) for each in segments])
    yield pcap([(each.time_ns, bytes(14) + b"\x08\x00" + ip(each)) for each in segments], link_type=113)
    yield pcap([(each.time_ns, b"\x08\x00" + bytes(18) + ip(each)) for each in segments], link_type=276)
    yield pcap([(each.time_ns, b"\x02\0\0\0" + ip(each)) for each in segments], link_type=0)
    yield pcap([(each.time_ns, ethernet(each, ipv4(each, options=b"\x01" * 8))) for each in segments], snap=60)
    whole = ipv4(segments[3])
    first = ipv4(segments[3], whole[20:44], fragment=0x2000)
    yield pcap(
        [
            (START_NS, ethernet(segments[3], first)),
            (START_NS, ethernet(segments[3], ipv4(segments[3], whole[44:], fragment=3))),
        ]
    )


PCAPS = [*_pcaps()]


def _pcapngs() -> Iterator[bytes]:
    for each in _talks():
        for order in ("<", ">"):
            data = [enhanced(0, time_ns // 1000, packet, order) for time_ns, packet in packets(each.segments)]
            yield section(order) + interface(order=order) + b"".join(data)
    options = b"\x09\x00\x01\x00\x09\x00\x00\x00\x0e\x00\x08\x00" + bytes(8)  # if_tsresol, if_tsoffset
    simple = [block(3, len(packet).to_bytes(4, "little") + packet) for _, packet in packets(talk(2).segments)]
    yield section() + interface(1, options) + interface(101) + b"".join(simple) + block(0xBAD, b"a note") + section(">")


PCAPNGS = [*_pcapngs()]


def _elastic(items: list[dict[str, dict[str, dict[str, dict[str, str]]]]]) -> bytes:
    """The items of tshark's JSON as the lines of `-T ek`."""
    lines = []
    for item in items:
        layers = {
            layer: {f"{layer}_{name.replace('.', '_')}": value for name, value in fields.items()}
            for layer, fields in item["_source"]["layers"].items()
        }
        lines += ['{"index":{"_index":"packets-2023-11-14","_type":"doc"}}', json.dumps({"layers": layers})]
    return ("\n".join(lines) + "\n").encode()


EXPORTS = [json.loads(exported(each.segments, iso=index == 1, raw=index != 2)) for index, each in enumerate(_talks())]
EXPORTS.append(json.loads(exported(talk(1).segments, payload="data.data")))
RAW_LAYERS = [
    {"_source": {"layers": {
        "frame": {"frame.time_epoch": "1700000000.5"},
        "ip_raw": [ip(each)[:20].hex(), 14, 20, 0, 1],
        "tcp_raw": [ip(each)[20:40].hex(), 34, 20, 0, 1],
        "tcp.payload_raw": [each.payload.hex(), 54, len(each.payload), 0, 1],
    }}}
    for each in talk(1).segments
]  # fmt: skip
EK_EXPORTS = [_elastic(items) for items in EXPORTS]

LOG = b"""2026-11-21 02:55:57.179 DEBUG (MainThread) [lmdirect.connection] Sending 401C0004 with None None
2026-11-21 02:55:57.179 DEBUG (MainThread) [lmdirect.connection] Message=401C0004, Data=03BC04D8
2026-11-21T02:55:58+01:00 DEBUG [lmdirect] Sending 03100002 with 0610 11
2026-11-21 02:55:58,300 DEBUG lmdirect Message=03110002, Data=OK
Command Succeeded: 03110002: OK
Message=01110040, Data=4142434445
Unexpected response: R60DA0012000000000000000000000000000000000000E4
"""

# ---- files


def _har(path: str, post: Mapping[str, object], answer: str, encoding: str = "") -> dict[str, object]:
    headers = [{"name": "Content-Type", "value": "application/json"}, {"name": "Authorization", "value": "Basic YTpi"}]
    request = {"method": "POST", "url": f"https://cms.lamarzocco.io{path}", "headers": headers, "postData": post}
    content = {"mimeType": "application/json", "text": answer, "encoding": encoding}
    response = {"status": 200, "headers": headers, "content": content}
    return {"startedDateTime": "2026-11-21T02:55:57Z", "request": request, "response": response}


_TOKENS = json.dumps({"access_token": "a", "refresh_token": "r", "expires_in": 3600})
_FLEET = json.dumps(
    {
        "status": True,
        "data": {"fleet": [{"communicationKey": KEY_TEXT, "machine": {"serialNumber": "GS000000", "model": {}}}]},
    }
)
_FORM = {"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "username", "value": "me%40home"}]}
HAR = {
    "log": {
        "entries": [
            _har(
                "/oauth/v2/token",
                {"mimeType": "application/json", "text": '{"client_id": "c", "password": "p"}'},
                _TOKENS,
            ),
            _har("/oauth/v2/token", _FORM, _TOKENS),
            _har("/api/customer", {}, _FLEET),
            _har("/api/customer", {"text": "e30=", "encoding": "base64"}, "H4sIAAAAAAAAA6uuBQBDv6ajAgAAAA==", "base64"),
        ]
    }
}

CONFIG = {
    "host": "192.168.1.215",
    "port": "1774",
    "key": KEY_TEXT,
    "machine_name": "kitchen",
    "serial_number": "GS0",
}

IMAGE = {
    "format": "lmdecode-memory",
    "version": 1,
    "model": "GS3 AV",
    "made": "2026-11-21T02:55:57Z",
    "ranges": [{"address": "0x401C", "data": "03bc04d8"}, {"address": "0x0310", "data": "fe06120612"}],
    "regions": [{"address": "0x5000", "length": 16, "answer": "echo"}],
}

# ---- packets, and files as they lie about


def _packets() -> Iterator[bytes]:
    """Packets behind their link type."""
    segment = talk(1).segments[3]
    inner, frame = ip(segment), ethernet(segment)
    udp = struct.pack("!HHHH", 4789, 4789, 16 + len(frame), 0) + b"\x08\0\0\0\0\0\x01\0" + frame
    tzsp = struct.pack("!HHHH", 37008, 37008, 13 + len(frame), 0) + b"\x01\0\0\x01\x01" + frame
    outer = {
        47: (b"\0\0\x08\0" + inner, b"\0\0\x65\x58" + frame, b"\x10\0\x88\xbe\0\0\0\1" + bytes(8) + frame),
        4: (inner,),
        17: (udp, tzsp),
    }
    for link_type in (0, 1, 12, 101, 105, 113, 119, 127, 149, 192, 239, 258, 276):
        yield link_type.to_bytes(2, "big") + (inner if link_type in {12, 101} else frame)
    for protocol, payloads in outer.items():
        for payload in payloads:
            yield b"\0\1" + ethernet(segment, _around(payload, protocol))
    for tag in (b"\x81\0\0\1", b"\x91\0\0\1\x81\0\0\2", b"\x88\x47\0\0\1\xff", b"\x88\x64\x11\0\0\1\0\0\0\x21"):
        yield b"\0\1" + frame[:12] + tag + frame[12:]


def _around(payload: bytes, protocol: int) -> bytes:
    """An IPv4 packet with something else than TCP in it."""
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0) + bytes(8) + payload


PACKETS = [*_packets()]

_JSON_TEXT = json.dumps(EXPORTS[0], indent=2).encode()
FILES = [
    PCAPS[0],
    PCAPNGS[0],
    LOG,
    _JSON_TEXT,
    json.dumps(EXPORTS[1]).encode(),
    EK_EXPORTS[0],
    b"tcpdump: listening on any\n" + PCAPS[0],
    PCAPS[0] + PCAPNGS[0],
    PCAPS[0] + b"12 packets captured\n" + PCAPS[1],
    b"Running as user root\n" + _JSON_TEXT + b"\n42\n" + _JSON_TEXT,
    gzip.compress(PCAPS[0]),
    b"a warning\n" + gzip.compress(LOG),
    LOG.decode().encode("utf-16"),
    LOG.decode().encode("utf-16-le"),
    LOG.replace(b"\n", b"\r"),
    b"PK\x03\x04" + bytes(60),
    b"<!doctype html><html>",
]


def _recordings() -> Iterator[bytes]:
    archive = json.dumps(HAR).encode()
    yield from (archive, gzip.compress(archive), archive.decode().encode("utf-16"))
    answer = {"status": 200, "body": {"text": _TOKENS}}
    session = {"host": "cms.lamarzocco.io", "path": "/oauth/v2/token", "request": {"body": {"text": "{}"}}}
    yield json.dumps([{"status": "COMPLETE", "method": "POST", **session, "response": answer}]).encode()
    for files in ({"a.har": archive}, {
        "raw/1_c.txt": b"POST https://cms.lamarzocco.io/oauth/v2/token HTTP/1.1\r\n\r\n{}",
        "raw/1_s.txt": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    }):  # fmt: skip
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, content in files.items():
                zipped.writestr(zipfile.ZipInfo(name), content)
        yield packed.getvalue()


RECORDINGS = [*_recordings()]


def saved_flows() -> list[bytes]:
    """Flows as mitmproxy saves them."""
    from mitmproxy.io import FlowWriter  # noqa: PLC0415 -- it takes a second to load
    from mitmproxy.test import tflow  # noqa: PLC0415 -- as above

    flow = tflow.tflow(resp=True)
    flow.request.host, flow.request.path = "cms.lamarzocco.io", "/api/customer"
    assert flow.response is not None
    flow.response.content = _FLEET.encode()
    written = io.BytesIO()
    FlowWriter(written).add(flow)  # type: ignore[no-untyped-call]
    return [written.getvalue(), written.getvalue() * 2]


# ---- words on the command line

CONDITIONS = (
    b"kind=read,write", b"role!=report", b"sender=app", b"address=0x4000..0x4022", b"time=02:55..02:57", b"problems",
    b"stream>=1", b"name=*_temp", b"coffee_temp>95", b"power=yes", b"heating_state=heating_on", b"source=192.168.1.150",
    b"elapsed<0.5", b"ok=no", b"time=2026-11-21T02:55:57.179Z..", b"machine_name=GS3", b"mon_on_time=06:30",
)  # fmt: skip
RANGES = (
    b"0x4000",
    b"0x4000-0x4022",
    b"0x4000..0x4022",
    b"0x4000+35",
    b"0x4000+0x23",
    b"4000 4023",
    b"0 10000",
    b"FFFF+1",
)
