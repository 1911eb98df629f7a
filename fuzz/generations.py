"""The targets of the newer generations: bytes of gateway v3, messages of the clouds, Bluetooth, logs, whole files."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Final

import orjson

from fuzz.inputs import damaged, damaged_json
from fuzz.targets import TARGETS, sound, target
from lmdecode.app.explain_json import read_json
from lmdecode.capture import decode_capture
from lmdecode.capture.source import OpenCapture
from lmdecode.codec.dialect import RECORDS, OwnerAccess, Place, Tallies, Tally
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.json_text import parsed
from lmdecode.codec.record import Record, Sender
from lmdecode.codec.secrets import masked_text
from lmdecode.codec.speakers import Speakers
from lmdecode.codec.stomp import Stomp
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v3.requester import CONFIGURATION, Requester
from lmdecode.codec.v3.requester import STREAM as STREAM_OF_V3
from lmdecode.codec.vocabulary import SOURCES, read
from lmdecode.codec.web import HttpRequest, HttpResponse
from tests.capture.building import START_NS

__all__ = ["TARGETS"]

CAPTURES: Final = Path(__file__).parents[1] / "captures"
SPEAKERS: Final = Speakers.open(OwnerAccess())
PLACE: Final = Place(0, "192.168.1.150:50611", "192.168.1.215:8081")
TOKEN: Final = "15d970344342cf50f3f136b3f341036edc44653f26681a99a903509225ed7eae"  # that of the samples

STREAM = (
    {"BrewingStartedGroup1DoseIndex": "ContinuousDose"},
    [{"BrewingUpdateGroup1Time": 6.188}, {"BrewingUpdateGroup1Ev": True}, {"BrewingUpdateGroup1Volume": 12}],
    [{"name": "TankStatus", "value": "empty"}],
    {"MachineStatistics": '{"groups":[{"doses":[{"DoseA":2123}]}],"tot_doses":2123}'},
)
CONFIG = b'{"machineMode":"BrewingMode","boilers":[{"id":"CoffeeBoiler1","isEnabled":true,"target":94,"current":65}]}'
PUSH = (
    b"MESSAGE\ndestination:/ws/sn/MR012345/dashboard\ncontent-type:application/json\ncontent-length:113\n\n"
    b'{"connected":true,"widgets":[{"code":"CMCoffeeBoiler","index":1,"output":{"targetTemperature":94.0}}],"uuid":"u"}\0'
)


def _frame(text: bytes) -> bytes:
    assert len(text) < 1 << 16
    size = bytes([len(text)]) if len(text) < 126 else b"\x7e" + len(text).to_bytes(2, "big")
    return b"\x81" + size + text


V3_BYTES = (
    b"m"
    + b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(CONFIG)
    + CONFIG
    + b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    + b"".join(_frame(json.dumps(each).encode()) for each in STREAM)
)
V3_ANSWER = b"C" + V3_BYTES[1 : V3_BYTES.index(b"HTTP/1.1 101")]
V3_STREAM = b"S" + V3_BYTES[V3_BYTES.index(b"HTTP/1.1 101") :]
V3_REQUESTS = (
    b"aGET /api/v1/config HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n\r\n"
    b"GET /api/v1/streaming HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
)


@target(
    "v3-bytes",
    damaged(
        [V3_REQUESTS + b"\xff\xff" + V3_BYTES, V3_BYTES[:1] + V3_BYTES[200:], b"m" + _frame(b"[]") * 20],
        [
            b"\xff\xffm",
            b"\xff\xffa",
            b"\xff\xffg",
            b"\r\n\r\n",
            b"HTTP/1.1 ",
            b"\x81\x7f",
            b"\x80",
            b"\xc1",
            b"chunked",
        ],
    ),
)
def _v3_bytes(data: bytes) -> None:
    """What is said between two bytes of 255 is one segment: of the app, of the machine, or a gap."""
    conversation = SPEAKERS["v3"].conversation(RECORDS, PLACE, Tally())
    records: list[Record] = []
    time_ns = START_NS
    for piece in data.split(b"\xff\xff"):
        time_ns += 1_000_000
        sender: Sender = "app" if piece[:1] == b"a" else "machine"
        if piece[:1] == b"g":
            records += conversation.gap(time_ns, sender, len(piece), "a gap")
        else:
            records += conversation.receive(time_ns, sender, piece[1:])
        assert conversation.held < 64 << 20
    records += conversation.close(time_ns)
    for record in records:
        sound(record)
        assert TOKEN not in repr(record)


@target(
    "v3-requester",
    damaged(
        [V3_ANSWER, V3_STREAM, V3_STREAM + _frame(b"[]") * 9 + b"\x88\x12\x03\xe8Bearer " + TOKEN[:8].encode()],
        [b"\xff\xff", b"\r\n\r\n", b"HTTP/1.1 ", b"\x81\x7f", b"\x80", b"\xc1", b"\x89\x00", b"\x88\x00", b"\x15\x03"],
    ),
)
def _v3_requester(data: bytes) -> None:
    """An end finds the Records of a bystander, whatever the machine says; what it complains of is one line."""
    request = STREAM_OF_V3 if data[:1] == b"S" else CONFIGURATION
    key = Key.parse(TOKEN[:32])
    requester = Requester(key, stream=PLACE.stream, app=PLACE.app, machine=PLACE.machine)
    conversation = SPEAKERS["v3"].conversation(RECORDS, PLACE, Tally())
    asked, found = requester.ask(START_NS, request)
    records, seen = [*found], [*conversation.receive(START_NS, "app", asked)]
    time_ns = START_NS
    for piece in data[1:].split(b"\xff\xff"):
        time_ns += 1_000_000
        found = requester.receive(time_ns, piece)
        assert requester.unasked(len(piece), found) >= len(piece)
        records += found
        seen += conversation.receive(time_ns, "machine", piece)
        seen += conversation.receive(time_ns, "app", requester.outgoing())
    records += requester.close(time_ns)
    seen += conversation.close(time_ns)
    assert [record.as_dict() for record in records] == [record.as_dict() for record in seen]
    failures = [requester.broken, requester.missing(request, PLACE.machine, ended=False), requester.ended("it", "left")]
    if requester.answer is not None:
        failures.append(requester.wrong(request, requester.answer, PLACE.machine))
    for failure in failures:
        assert failure is None or (failure.why.isprintable() and TOKEN[:32] not in failure.why)


@target(
    "lion", damaged([PUSH * 2, PUSH[:60] + b"\xff" + PUSH[60:]], [b"MESSAGE\n", b"\0", b"\xff", b'"widgets":', b"null"])
)
def _lion(data: bytes) -> None:
    """The messages of a WebSocket, with a byte of 255 between them."""
    tallies = Tallies()
    web = SPEAKERS.web("lion.lamarzocco.io", 443, "/ws/connect", PLACE, tallies)
    assert web is not None
    records = [*web.request(START_NS, HttpRequest("GET", "lion.lamarzocco.io", "/ws/connect"))]
    records += web.response(START_NS, HttpResponse(101))
    for number, message in enumerate(data.split(b"\xff")):
        records += web.message(START_NS + number, "app" if number % 3 == 2 else "machine", message)
    records += web.close(START_NS)
    for record in records:
        sound(record)


ANSWERS = (
    b'200 lion.lamarzocco.io /api/customer-app/things\n[{"serialNumber":"MR012345","bleAuthToken":"%b"}]'
    % TOKEN.encode(),
    b"200 lion.lamarzocco.io /api/customer-app/things/MR012345/dashboard\n" + PUSH.partition(b"\n\n")[2][:-1],
    b'200 gw-lmz.lamarzocco.io /v1/home/machines/MR012345/configuration\n{"data":' + CONFIG + b',"status":true}',
    b'200 gw.lamarzocco.io /v1/home/machines/GS1/status\n{"data":{"MACHINE_STATUS":"ON","TEMP_COFFEE":95}}',
    b"403 lion.lamarzocco.io /api/customer-app/things\n<html>Request blocked</html>",
)


@target(
    "cloud-answers", damaged(ANSWERS, [b"lion.", b"gw.", b"cms.", b"/command/", b"/stats/", b"[", b"}", b"null", b"\n"])
)
def _cloud_answers(data: bytes) -> None:
    """A status, a host and a path on the first line; the answer's body behind it, which is the request's too."""
    head, _, body = data.partition(b"\n")
    status, _, rest = head.decode("utf-8", "replace").partition(" ")
    host, _, path = rest.partition(" ")
    web = SPEAKERS.web(host.lower(), 443, path, PLACE, Tallies())
    if web is None:
        return
    records = [*web.request(START_NS, HttpRequest("POST", host, path, (), body))]
    records += web.response(
        START_NS, HttpResponse(int(status) if status.isdecimal() and len(status) < 4 else 0, (), body)
    )
    for record in records:
        sound(record)


@target(
    "stomp",
    damaged([PUSH, PUSH * 2 + b"\n\n", b"CONNECTED\r\nversion:1.2\r\n\r\n\0"], [b"\0", b"content-length:", b"\\c"]),
)
def _stomp(data: bytes) -> None:
    """It does not matter in which pieces a text without damage comes; nothing raises for any."""
    for size in (1, 7, len(data) or 1):
        stomp = Stomp()
        for start in range(0, len(data), size):
            stomp.receive(data[start : start + size])
        stomp.close()
        assert not stomp.held


@target("vocabulary", damaged_json([*STREAM, json.loads(CONFIG), {"CMCoffeeBoiler": {"targetTemperature": 94.0}}]))
def _vocabulary(data: bytes) -> None:
    """Any document can be read as any source; what becomes a field is a plain value."""
    value = parsed(data.decode("utf-8", "replace")).value
    for source in SOURCES:
        reading = read(source, value)
        assert all(isinstance(each, bool | int | float | str | list) for each in reading.fields.values())
        orjson.dumps([reading.fields, reading.extra])


@target(
    "masked-text",
    damaged(
        [b'{"bleAuthToken":"%b"}' % TOKEN.encode(), b"Authorization: Bearer " + TOKEN.encode()], [b'"', b"\\", b"'"]
    ),
)
def _masked_text(data: bytes) -> None:
    """A text is masked as often as one likes: it stays as it is."""
    once = masked_text(data.decode("utf-8", "replace"))
    assert masked_text(once) == once


@target(
    "explain-json", damaged([PUSH, CONFIG, json.dumps(STREAM[1]).encode(), b"{'a': True, 'b': None}"], [b"\\n", b"^@"])
)
def _explain_json(data: bytes) -> None:
    with contextlib.suppress(LmdecodeError):
        read_json(data.decode("utf-8", "replace"))


ATT = (
    bytes.fromhex("0a2900"),
    bytes.fromhex("0b") + b'[{"id":"CoffeeBoiler1","isEnabled":true,"target":94,"current":65}]\0',
    bytes.fromhex("122900") + b"boilers\0",
    bytes.fromhex("122b00") + b'{"name":"MachineChangeMode","parameter":{"mode":"BrewingMode"}}\0',
    bytes.fromhex("1b3000") + b'{"BrewingUpdateGroup1Time":3.34,"BrewingUpdateGroup1Ev":true}',
    bytes.fromhex("01080100 0a"),
)


@target(
    "att",
    damaged(
        [b"\xff\xff".join(b"am"[n % 2 : n % 2 + 1] + pdu for n, pdu in enumerate(ATT * 2))],
        [b"\xff\xffm", b"\xff\xffa"],
    ),
)
def _att(data: bytes) -> None:
    """PDUs of app and machine, with two bytes of 255 between them."""
    conversation = SPEAKERS["bluetooth"].conversation(RECORDS, PLACE, Tally())
    records: list[Record] = []
    for number, piece in enumerate(data.split(b"\xff\xff")):
        sender: Sender = "app" if piece[:1] == b"a" else "machine"
        records += conversation.receive(START_NS + number, sender, piece[1:])
    records += conversation.close(START_NS)
    for record in records:
        sound(record)


def _decodes(data: bytes) -> None:
    with contextlib.suppress(LmdecodeError):
        for record in decode_capture(OpenCapture(io.BytesIO(data)), SPEAKERS):
            sound(record)


def _start(name: str, size: int) -> bytes:
    return (CAPTURES / name).read_bytes()[:size]


@target("v3-pcap", damaged([_start("v3-morning.pcap", 3000)]))
def _v3_pcap(data: bytes) -> None:
    _decodes(data)


@target("btsnoop", damaged([_start("bluetooth-morning.btsnoop", 3000)], [b"\x02\x20", b"\x04\x3e", b"\x00\x04\x00"]))
def _btsnoop(data: bytes) -> None:
    _decodes(data)


@target(
    "har-capture",
    damaged_json(
        [{"log": {"entries": json.loads((CAPTURES / "lion-morning.har").read_bytes())["log"]["entries"][3:6]}}]
    ),
)
def _har_capture(data: bytes) -> None:
    _decodes(data)


@target(
    "homeassistant-log",
    damaged(
        [_start("homeassistant.log", 6000), (CAPTURES / "homeassistant.log").read_bytes()[-4000:]],
        [b"\n", b"'", b"\\x00"],
    ),
)
def _homeassistant_log(data: bytes) -> None:
    _decodes(data)
