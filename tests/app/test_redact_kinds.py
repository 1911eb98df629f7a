"""Copies of every kind of recording: whatever an owner's secrets are, none of them is in a copy, in any spelling."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmdecode.app.asked import Asked
from lmdecode.app.redact import redact
from lmdecode.capture.net.packet import Endpoint
from lmdecode.capture.reader import decode_capture
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Record
from lmdecode.codec.speakers import Speakers
from lmdecode.redaction.spellings import contains, is_telling, spellings
from tests.capture.building import Talk, packets, pcap

CLOUD = "https://lion.lamarzocco.io/api/customer-app"
MACHINES = bytes.fromhex("7847e12b09a8b04b8e0922a9abab")

quick = settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Owner(NamedTuple):
    """What must not get out."""

    serial: str = "MR076543"
    name: str = "Kitchen of Anna"
    ssid: str = "Annas WLAN"
    user: str = "anna.b@home.example"
    password: str = 'geheim/"4711"'
    token: str = "eyJhbGci.OiJIUzI1.NiIsInR5"
    key: str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0" * 2
    installation: str = "0e4d3c2b-1a09-4f8e-9d7c-6b5a49382716"
    mac: str = "A4:CF:12:05:99:01"
    app: str = "10.0.7.9"
    machine: str = "10.0.7.215"
    person: str = "Frau Holle-Maier"


def text(alphabet: str, least: int = 8) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=least, max_size=24).filter(
        lambda each: is_telling(each) and any(map(str.isdigit, each))
    )


LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
OWNERS = st.builds(
    Owner,
    serial=st.from_regex(r"MR[1-9][0-9]{5}", fullmatch=True),
    name=text(LETTERS + " 'äß\"\\/"),
    ssid=text(LETTERS + " -_ü&%"),
    user=text(LETTERS).map(lambda each: f"{each}@home.example"),
    password=text(LETTERS + "!#$%&/()=?+*"),
    token=text(LETTERS + "-_.", 16),
    key=st.binary(min_size=32, max_size=32).filter(lambda each: len(set(each)) > 8).map(bytes.hex),
    installation=st.uuids(version=4).map(str),
    mac=st.binary(min_size=6, max_size=6)
    .filter(lambda each: len(set(each)) > 3)
    .map(lambda each: each.hex(":").upper()),
    person=text(LETTERS + " -"),
    app=st.just("10.0.7.9"),
    machine=st.just("10.0.7.215"),
)


def thing(owner: Owner) -> dict[str, Any]:
    return {
        "serialNumber": owner.serial,
        "name": owner.name,
        "modelCode": "LINEAMICRA",
        "bleAuthToken": owner.key,
        "coffeeStation": {"id": owner.installation, "name": owner.person, "coffeeMachine": {"bleAuthToken": owner.key}},
        "wifiSsid": owner.ssid,
        "aNewMember": {"ownedBy": owner.person, "note": f"call {owner.person}"},
        "widgets": [
            {"code": "CMCoffeeBoiler", "index": 1, "output": {"status": "Ready", "targetTemperature": 93.0}},
            {"code": "CMBrandNew", "index": 1, "output": {"mode": "VeryNew", "level": 3}},
        ],
    }


def stomp(owner: Owner) -> list[tuple[str, str]]:
    push = json.dumps({"connected": True, "uuid": owner.installation, "commands": [], **thing(owner)})
    destination = f"/ws/sn/{owner.serial}/dashboard"
    head = f"content-length:{len(push.encode())}\nsubscription:{owner.installation}\nmessage-id:{owner.installation}-7"
    return [
        ("send", f"CONNECT\nhost:lion.lamarzocco.io\nAuthorization:Bearer {owner.token}\n\n\0"),
        ("send", f"SUBSCRIBE\ndestination:{destination}\nid:{owner.installation}\n\n\0"),
        ("receive", f"MESSAGE\ndestination:{destination}\n{head}\n\n{push}\0"),
    ]


def calls(owner: Owner) -> Iterator[tuple[str, str, dict[str, str], Any, Any]]:
    """Method, path, headers, body and answer."""
    signed = {"X-App-Installation-Id": owner.installation, "X-Nonce": owner.installation, "Cookie": f"u={owner.user}"}
    bearer = {"Authorization": f"Bearer {owner.token}", **signed}
    yield (
        "POST",
        "/auth/signin",
        signed,
        {"username": owner.user, "password": owner.password},
        {"accessToken": owner.token, "refreshToken": owner.token[::-1]},
    )
    yield "GET", "/things", bearer, None, [thing(owner)]
    yield "GET", f"/things/{owner.serial}/stats/LAST_COFFEE/1?days=7&q={quote_plus(owner.person)}", bearer, None, {}


def har(owner: Owner) -> bytes:
    entries: list[dict[str, Any]] = []
    for number, (method, path, headers, body, answer) in enumerate(calls(owner)):
        entry: dict[str, Any] = {
            "startedDateTime": f"2026-11-21T06:30:0{number}Z",
            "time": 120,
            "connection": "7",
            "serverIPAddress": owner.machine,
            "comment": owner.person,
            "request": {
                "method": method,
                "url": CLOUD + path,
                "headers": [{"name": name, "value": value} for name, value in headers.items()],
            },
            "response": {
                "status": 200,
                "headers": [
                    {"name": "Content-Type", "value": "application/json"},
                    {"name": "X-Who", "value": owner.user},
                ],
                "content": {"mimeType": "application/json", "text": json.dumps(answer, ensure_ascii=number % 2 == 0)},
            },
        }
        if body is not None:
            entry["request"]["postData"] = {"mimeType": "application/json", "text": json.dumps(body)}
        entries.append(entry)
    other = {"method": "GET", "url": f"https://{owner.user.partition('@')[0]}.example/", "headers": []}
    socket = {
        "method": "GET",
        "url": "https://lion.lamarzocco.io/ws/connect",
        "headers": [{"name": "Upgrade", "value": "websocket"}],
    }
    entries += [
        {
            "startedDateTime": "2026-11-21T06:30:05Z",
            "time": 1,
            "request": other,
            "response": {"status": 200, "headers": []},
        },
        {
            "startedDateTime": "2026-11-21T06:30:06Z",
            "time": 1,
            "request": socket,
            "response": {"status": 101, "headers": []},
            "_webSocketMessages": [
                {"type": kind, "time": 1795242607 + number, "opcode": 1, "data": data}
                for number, (kind, data) in enumerate(stomp(owner))
            ],
        },
    ]
    return json.dumps({"log": {"version": "1.2", "creator": {"name": owner.person}, "entries": entries}}).encode()


def local(owner: Owner) -> bytes:
    """A gateway of v3 in packets."""
    talk = Talk(app=Endpoint(owner.app, 50123), machine=Endpoint(owner.machine, 8081)).open()
    key = owner.key[:32]
    config = json.dumps(
        {
            "machine_sn": "Sn2307902283",
            "boilers": [{"id": "CoffeeBoiler1", "target": 93.0}],
            "scale": {"address": owner.mac, "name": owner.name},
        }
    )
    info = json.dumps(
        {"network_interfaces": [{"name": "wlan0", "address": owner.machine, "mac": owner.mac, "ssid": owner.ssid}]}
    )
    agent = f"La Marzocco/2.1.3 ({owner.person.encode('ascii', 'replace').decode()})"

    def ask(path: str, *headers: str) -> None:
        lines = [
            f"GET /api/v1/{path} HTTP/1.1",
            f"Host: {owner.machine}:8081",
            f"Authorization: Bearer {key}",
            *headers,
        ]
        talk.send("app", "\r\n".join([*lines, "", ""]).encode())

    ask("config", f"User-Agent: {agent}")
    talk.send("machine", b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(config.encode()), config.encode()))
    socket = "Upgrade: websocket", "Connection: Upgrade"
    ask("streaming", *socket, f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}", "Sec-WebSocket-Version: 13")
    accepted = "HTTP/1.1 101 Switching Protocols", *socket, "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI="
    talk.send("machine", "\r\n".join([*accepted, "", ""]).encode())
    for said in (
        [{"CoffeeBoiler1UpdateTemperature": 93.5}],
        {"SystemInfo": info},
        [{"name": "SystemInfo", "value": info}],
    ):
        data = json.dumps(said).encode()
        size = bytes([len(data)]) if len(data) < 126 else struct.pack(">BH", 126, len(data))
        talk.send("machine", b"\x81" + size + data)
    return pcap(packets(talk.segments))


def log(owner: Owner) -> bytes:
    """What Home Assistant and others write into one file."""
    house = json.dumps({"ssid": owner.ssid, "mac": owner.mac})
    login, token = {"username": owner.user, "password": owner.password}, {"access_token": owner.token}
    lines = [("homeassistant.core", f"{owner.person} is at home, {owner.machine}")]
    for _, path, _, _, answer in calls(owner):
        lines += [
            ("pylamarzocco.clients._cloud", f"Request to {CLOUD}{path} successful"),
            ("pylamarzocco.clients._cloud", f"Response: {answer!r}"),
        ]
    lines += [
        (
            "pylamarzocco.clients._cloud",
            f"Received websocket message: WSMessage(type=<WSMsgType.TEXT: 1>, data={data!r}, extra='')",
        )
        for kind, data in stomp(owner)
        if kind == "receive"
    ]
    lines += [
        (
            "pylamarzocco.clients.cloud",
            f"Getting new access token, data: {login!r}",
        ),
        ("pylamarzocco.clients.cloud", f"Got new access token: {token!r}"),
        (
            "lmcloud.lm_machine",
            f"Received message from websocket, message {json.dumps([{'SystemInfo': house}])}",
        ),
        (
            "pylamarzocco.clients._bluetooth",
            f"Sending bluetooth message: {owner.key.encode()!r} to 0d0b7847-e12b-09a8-b04b-8e0922a9abab",
        ),
        (
            "pylamarzocco.clients._bluetooth",
            "Sending bluetooth message: b'machineMode\\x00' to 0a0b7847-e12b-09a8-b04b-8e0922a9abab",
        ),
        (
            "pylamarzocco.clients._bluetooth",
            'Ignoring the replayed shot counter notification: bytearray(b\'{"Sleep":"command"}\')',
        ),
        (
            "pylamarzocco.clients._bluetooth",
            "Shot counter received data: bytearray(b'{\"CoffeeBoiler1UpdateTemperature\":93}')",
        ),
        ("lmdirect.connection", "Sending 401C0004 with None None"),
        ("lmdirect.connection", "Message=401C0004, Data=03BC04D8"),
    ]
    stamp = "2026-11-21 07:01:{:02}.500 DEBUG (MainThread) [{}] {}"
    return "\n".join(stamp.format(number, *line) for number, line in enumerate(lines)).encode()


def uuid(name: str) -> bytes:
    return bytes.fromhex(name + MACHINES.hex())[::-1]


def radio(owner: Owner) -> bytes:
    """A telephone's log: an advertisement, a connection, a token, a question and what is notified."""
    address = bytes.fromhex(owner.mac.replace(":", ""))[::-1]
    advertised = f"MICRA_{owner.serial}".encode()
    field = bytes([len(advertised) + 1, 9]) + advertised
    rows: list[tuple[int, bytes]] = []

    def event(code: int, body: bytes) -> None:
        rows.append((3, bytes([4, code, len(body)]) + body))

    def att(sender: str, pdu: bytes) -> None:
        frame = struct.pack("<HH", len(pdu), 4) + pdu
        flag = 0 if sender == "app" else 2
        rows.append((0 if sender == "app" else 1, b"\2" + struct.pack("<HH", 64 | flag << 12, len(frame)) + frame))

    event(0x3E, b"\x02\x01\x00\x01" + address + bytes([len(field)]) + field + b"\xc4")
    event(0x3E, b"\x01\x00\x40\x00\x00\x01" + address + bytes(7))
    att("app", b"\2\5\2")
    att("machine", b"\3\5\2")
    names = ["0d0b", "0a0b", "0e0b", "2a25"]
    for number, name in enumerate(names):
        handle = 0x20 + 3 * number
        att("app", struct.pack("<BHHH", 8, 1, 0xFFFF, 0x2803))
        known = bytes.fromhex(name)[::-1] if name == "2a25" else uuid(name)
        item = struct.pack("<HBH", handle, 0x1A, handle + 1) + known
        att("machine", bytes([9, len(item)]) + item)
    att("app", struct.pack("<BH", 0x12, 0x21) + owner.key.encode())
    att("machine", b"\x13")
    att("app", struct.pack("<BH", 0x0A, 0x21))
    att("machine", b"\x0b\x01")
    att("app", struct.pack("<BH", 0x0A, 0x2A))
    att("machine", b"\x0b" + owner.serial.encode())
    att("app", struct.pack("<BH", 0x12, 0x24) + b"boilers\0")
    att("machine", b"\x13")
    att("app", struct.pack("<BH", 0x0A, 0x24))
    att("machine", b'\x0b[{"id":"CoffeeBoiler1","isEnabled":true,"target":93.0,"current":92.5}]\0')
    for said in (
        json.dumps({"Sleep": "command"}),
        json.dumps({"SystemInfo": json.dumps({"ssid": owner.ssid, "who": owner.person})}),
    ):
        att("machine", struct.pack("<BH", 0x1B, 0x27) + said.encode()[:500])
    start = 0x00DCDDB30F2F8000 + 1_795_242_600_000_000
    return struct.pack(">8sII", b"btsnoop\0", 1, 1002) + b"".join(
        struct.pack(">IIIIQ", len(data), len(data), flags, 0, start + number * 1000) + data
        for number, (flags, data) in enumerate(rows)
    )


KINDS: dict[str, Callable[[Owner], bytes]] = {
    "in.har": har,
    "in.pcap": local,
    "in.log": log,
    "in.btsnoop": radio,
}


def decoded(path: Path) -> list[Record]:
    return list(decode_capture(path, Speakers.open(OwnerAccess(show_secrets=True))))


def copied(folder: Path, name: str, data: bytes) -> Path:
    original, copy = folder / name, folder / f"copy-{name}"
    original.write_bytes(data)
    redact(Asked(), original, copy)
    return copy


@pytest.fixture(autouse=True)
def nobody(tmp_path, monkeypatch):
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("LMDECODE_KEY", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", KINDS)
@quick
@given(owner=OWNERS)
def test_no_secret_of_anybody_is_in_a_copy(tmp_path, name, owner):
    copy = copied(tmp_path, name, KINDS[name](owner))
    everything = copy.read_bytes() + json.dumps([each.as_dict() for each in decoded(copy)]).encode()
    for what, secret in owner._asdict().items():
        assert contains(everything, spellings(secret.replace(":", "") if what == "mac" else secret)) is None, what


@pytest.mark.parametrize("name", KINDS)
def test_a_copy_says_the_same_but_for_what_was_replaced(tmp_path, name):
    copy = copied(tmp_path, name, KINDS[name](Owner()))
    one, other = decoded(tmp_path / name), decoded(copy)
    same = ("time_ns", "sender", "kind", "role", "generation", "ok", "elapsed", "problems")
    assert [[getattr(each, what) for what in same] for each in one] == [
        [getattr(each, what) for what in same] for each in other
    ]
    changed = {"machine_ser_num", "module_ser_num", "machine_name", "scale_name", "scale_address"}
    for each, made in zip(one, other, strict=True):
        assert {k: v for k, v in each.fields.items() if k not in changed} == {
            k: v for k, v in made.fields.items() if k not in changed
        }
    assert any(each.fields for each in other)


@pytest.mark.parametrize("name", KINDS)
def test_a_copy_of_a_copy_is_the_copy(tmp_path, name):
    copy = copied(tmp_path, name, KINDS[name](Owner()))
    again = copied(tmp_path, f"again{name}", copy.read_bytes())
    assert again.read_bytes() == copy.read_bytes()


def test_what_is_new_stays_readable_and_what_is_personal_does_not(tmp_path):
    said = copied(tmp_path, "in.har", har(Owner())).read_text()
    for kept in ("CMBrandNew", "VeryNew", "aNewMember", "ownedBy", "LINEAMICRA", "user1@example.com", "MR000001"):
        assert kept in said
    assert "Set-Cookie" not in said
    assert "X-Who" not in said


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("word", ["La Marzocco", "CoffeeMachine", "response", "MainThread", "boilers", "Linea Mini"])
def test_a_name_that_is_a_word_of_the_protocol_is_no_reason_to_refuse(tmp_path, name, word):
    copy = copied(tmp_path, name, KINDS[name](Owner()._replace(name=word, ssid=word, person=word)))
    assert any(each.fields for each in decoded(copy))


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_left_out_or_refused_and_gives_nothing_away(tmp_path, name, data):
    owner = Owner()
    content = bytearray(KINDS[name](owner))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    original, copy = tmp_path / name, tmp_path / f"copy-{name}"
    original.write_bytes(content)
    copy.unlink(missing_ok=True)
    try:
        redact(Asked(), original, copy)
    except LmdecodeError:
        assert not copy.exists()
        return
    everything = copy.read_bytes()
    for secret in (owner.key, owner.token, owner.password, owner.user, owner.person):
        assert contains(everything, spellings(secret)) is None
