"""Makes `lion-morning.flow` and `lion-morning.har`: a morning of a Linea Micra, as a proxy records it in the cloud.

A client signs in, looks at the machine and follows it, as pylamarzocco and the app do. All values are made up; their
shapes are those of public recordings. The signatures are real ones of a dummy key, so that they can be verified.

    python captures/make/lion.py
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from Crypto.Hash import SHA256
from Crypto.PublicKey import ECC
from Crypto.Signature import DSS

FOLDER: Final = Path(__file__).parents[1]
START: Final = datetime(2026, 11, 21, 6, 29, 50, tzinfo=UTC)
HOST: Final = "lion.lamarzocco.io"
SERIAL: Final = "MR012345"
_BASE: Final = "/api/customer-app"
_KEY: Final = ECC.construct(curve="P-256", d=int.from_bytes(hashlib.sha256(b"lmdecode dummy key").digest(), "big"))
_INSTALLATION: Final = "0e4d3c2b-1a09-4f8e-9d7c-6b5a49382716"
_SPKI: Final = _KEY.public_key().export_key(format="DER", compress=False)
_BLE_TOKEN: Final = hashlib.sha256(b"a made-up token").hexdigest()
_IMAGES: Final = "https://lion.lamarzocco.io/img/thing-model"
_DAY: Final = 86_400_000  # milliseconds
_STATION: Final = "5f3759df-0000-4000-8000-00000000c0fe"


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _sha256(data: bytes | str) -> bytes:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).digest()


_SECRET: Final = _sha256(f"{_INSTALLATION}.{_b64(_SPKI)}.{_b64(_sha256(_INSTALLATION))}")


def proof(text: str, secret: bytes = _SECRET) -> str:
    """Return what shows that who sends a text knows the secret.

    >>> given = "00000000-0000-4000-8000-000000000001.11111111-1111-4111-8111-111111111111.1700000000000"
    >>> proof(given, bytes(range(32)))
    'hJvmgRw1mUHFii6l7hjISztKGaK4TrKHff3UBft4hSM='
    """
    work = bytearray(secret)
    for number in text.encode():
        at = number % 32
        turns = work[(at + 1) % 32] % 8
        mixed = number ^ work[at]
        work[at] = (mixed << turns | mixed >> (8 - turns)) & 0xFF
    return _b64(_sha256(bytes(work)))


def _made_up(name: str) -> str:
    """Return a UUID that is always the same for a name, in the form of a random one."""
    return str(uuid.UUID(bytes=_sha256(name)[:16], version=4))


def _signed(at: datetime, name: str) -> list[tuple[str, str]]:
    """Return the headers that every request has, with a signature that fits them."""
    nonce, moment = _made_up(f"nonce of {name}"), str(_milliseconds(at))
    text = f"{_INSTALLATION}.{nonce}.{moment}"
    signer = DSS.new(_KEY, "deterministic-rfc6979", encoding="der")
    return [
        ("X-App-Installation-Id", _INSTALLATION),
        ("X-Timestamp", moment),
        ("X-Nonce", nonce),
        ("X-Request-Signature", _b64(signer.sign(SHA256.new(f"{text}.{proof(text)}".encode())))),
    ]


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _at(clock: str) -> datetime:
    """Return the time of a clock of that morning, "HH:MM:SS.mmm"."""
    return datetime.combine(START.date(), datetime.strptime(f"{clock}", "%H:%M:%S.%f").time(), UTC)  # noqa: DTZ007


@dataclass
class Exchange:
    """A request and its answer, as they are on the wire but not compressed."""

    begun: datetime
    method: str
    path: str
    asked: object = None
    status: int = 200
    answer: object = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    lasts: float = 0.2
    """Seconds."""
    host: str = HOST
    packed: bool = False
    """Whether the answer is compressed."""
    messages: list[tuple[datetime, bool, str]] = field(default_factory=list)
    """Of the WebSocket: when, whether it is the client's, and the text."""

    @property
    def sent(self) -> bytes:
        """Return the request's body."""
        return b"" if self.asked is None else json.dumps(self.asked, separators=(",", ":")).encode()

    @property
    def given(self) -> bytes:
        """Return the answer's body."""
        if isinstance(self.answer, str):
            return self.answer.encode()
        return b"" if self.answer is None else json.dumps(self.answer, separators=(",", ":")).encode()


class Micra:
    """The machine, as the cloud shows it."""

    def __init__(self) -> None:
        self.status, self.mode = "StandBy", "StandBy"
        self.next: dict[str, object] | None = {"status": "PoweredOn", "startTime": _milliseconds(_at("07:00:00.000"))}
        self.brewing_since: int | None = None
        self.last_coffee: dict[str, object] | None = None
        self.last_flush: dict[str, object] | None = None
        self.target = 93.0
        self.coffee, self.coffee_ready = "StandBy", None
        self.steam, self.steam_ready = "StandBy", None
        self.is_empty = False
        self.commands: list[dict[str, object]] = []

    def head(self) -> dict[str, object]:
        """Return what stands at the head of every answer about the machine."""
        head: dict[str, object] = {
            "serialNumber": SERIAL,
            "type": "CoffeeMachine",
            "name": SERIAL,
            "location": "HOME_OR_DWELLING_SPACE",
            "modelCode": "LINEAMICRA",
            "modelName": "LINEA MICRA",
            "gatewayHw": "Esp32",
            "connected": True,
            "connectionDate": _milliseconds(_at("05:12:44.871")),
            "offlineMode": False,
            "requireFirmwareUpdate": False,
            "availableFirmwareUpdate": False,
        }
        machine = {**head, "imageUrl": f"{_IMAGES}/detail/lineamicra.png", "bleAuthToken": _BLE_TOKEN}
        station = {"id": _STATION, "name": "Kitchen", "coffeeMachine": machine, "grinders": [], "accessories": []}
        return {
            **head,
            "coffeeStation": station,
            "imageUrlList": f"{_IMAGES}/list/lineamicra.png",
            "imageUrlDetail": f"{_IMAGES}/detail/lineamicra.png",
            "bleAuthToken": _BLE_TOKEN,
            "shotCounterSupported": True,
        }

    def widgets(self) -> list[dict[str, object]]:
        """Return what the dashboard shows."""
        modes = ["BrewingMode", "StandBy"]
        machine = {
            "status": self.status,
            "availableModes": modes,
            "mode": self.mode,
            "nextStatus": self.next,
            "brewingStartTime": self.brewing_since,
            "lastCoffee": self.last_coffee,
            "lastFlush": self.last_flush,
        }
        coffee = {
            "status": self.coffee,
            "enabled": True,
            "enabledSupported": False,
            "targetTemperature": self.target,
            "targetTemperatureMin": 80,
            "targetTemperatureMax": 100,
            "targetTemperatureStep": 0.1,
            "readyStartTime": self.coffee_ready,
        }
        steam = {
            "status": self.steam,
            "enabled": True,
            "enabledSupported": True,
            "targetLevel": "Level3",
            "targetLevelSupported": True,
            "readyStartTime": self.steam_ready,
        }
        limits = {
            "secondsMin": {"In": 1, "Out": 1},
            "secondsMax": {"In": 9, "Out": 9},
            "secondsStep": {"In": 0.1, "Out": 0.1},
        }
        times = {
            "PreBrewing": [{"doseIndex": "ByGroup", "seconds": {"In": 3.0, "Out": 4.0}, **limits}],
            "PreInfusion": [{"doseIndex": "ByGroup", "seconds": {"In": 0.0, "Out": 4.0}}],
        }
        prebrewing = {
            "availableModes": ["PreBrewing", "PreInfusion", "Disabled"],
            "mode": "PreBrewing",
            "times": times,
            "doseIndexSupported": False,
        }
        shown: list[tuple[str, dict[str, object]]] = [
            ("CMMachineStatus", machine),
            ("CMCoffeeBoiler", coffee),
            ("CMSteamBoilerLevel", steam),
            ("CMPreBrewing", prebrewing),
            (
                "CMBackFlush",
                {"lastCleaningStartTime": _milliseconds(_at("05:00:00.000")) - _DAY, "status": "Off"},
            ),
        ]
        if self.is_empty:
            shown.append(("CMNoWater", {"allarm": True}))
        return [{"code": code, "index": 1, "output": output} for code, output in shown]

    def push(self) -> dict[str, object]:
        """Return what the cloud pushes: all that the dashboard shows, whatever has changed."""
        gone = (*("CMSteamBoilerTemperature", "CMGroupDoses", "CMRinseFlush", "CMNoWater"),)
        return {
            "connected": True,
            "removedWidgets": [{"code": code, "index": 1} for code in gone if code != "CMNoWater" or not self.is_empty],
            "connectionDate": _milliseconds(_at("05:12:44.871")),
            "widgets": self.widgets(),
            "uuid": _made_up("push"),
            "commands": self.commands,
        }


class Morning:
    """What a client does and sees that morning."""

    def __init__(self) -> None:
        self.machine = Micra()
        self.exchanges: list[Exchange] = []
        self.messages: list[tuple[datetime, bool, str]] = []
        self.token = f"made-up.{_b64(_sha256('access'))}"

    def call(
        self,
        clock: str,
        method: str,
        path: str,
        asked: object = None,
        answer: object = None,
        *,
        status: int = 200,
        lasts: float = 0.2,
        packed: bool = False,
    ) -> None:
        """Make a signed request."""
        at = _at(clock)
        headers = _signed(at, f"{clock}{path}")
        if not path.startswith("/auth"):
            headers.append(("Authorization", f"Bearer {self.token}"))
        whole = f"{_BASE}{path}"
        self.exchanges.append(Exchange(at, method, whole, asked, status, answer, headers, lasts, packed=packed))

    def command(self, clock: str, name: str, **fields: object) -> dict[str, object]:
        """Make a command; return what the cloud keeps of it."""
        kept: dict[str, object] = {"id": _made_up(f"{clock}{name}"), "status": "Pending", "errorCode": None}
        self.call(clock, "POST", f"/things/{SERIAL}/command/{name}", fields, [dict(kept)], lasts=0.31)
        self.machine.commands = [kept]
        return kept

    def told(
        self, clock: str, command: str, headers: dict[str, str], body: str = "", *, by_client: bool = True
    ) -> None:
        """Send a STOMP frame."""
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        self.messages.append((_at(clock), by_client, f"{command}\n{lines}\n{body}\0"))

    def push(self, clock: str) -> None:
        """Have the cloud push how things stand."""
        body = json.dumps(self.machine.push(), separators=(",", ":"))
        number = sum(text.startswith("MESSAGE") for _, _, text in self.messages)
        headers = {
            "destination": f"/ws/sn/{SERIAL}/dashboard",
            "content-type": "application/json",
            "subscription": _made_up("subscription"),
            "message-id": f"{_made_up('session')}-{number}",
            "content-length": str(len(body.encode())),
        }
        self.told(clock, "MESSAGE", headers, body, by_client=False)

    def coffee(self, ended: str, seconds: float) -> dict[str, object]:
        """Return a shot as the cloud reports it. The shot is found by the time at which it ended."""
        return {
            "time": _milliseconds(_at(ended)),
            "extractionSeconds": seconds,
            "doseMode": "Continuous",
            "doseIndex": "Continuous",
            "doseValue": None,
            "doseValueNumerator": None,
        }


def _begin(day: Morning) -> None:
    init = Exchange(
        _at("06:29:50.012"),
        "POST",
        f"{_BASE}/auth/init",
        {"pk": _b64(_SPKI)},
        201,
        headers=[
            ("X-App-Installation-Id", _INSTALLATION),
            ("X-Request-Proof", proof(f"{_INSTALLATION}.{_b64(_sha256(_SPKI))}")),
        ],
    )
    day.exchanges.append(init)
    tokens = {"accessToken": day.token, "refreshToken": f"made-up.{_b64(_sha256('refresh'))}"}
    asked = {"username": "owner@example.com", "password": "a made-up password"}
    day.call("06:29:50.433", "POST", "/auth/signin", asked, tokens, lasts=0.642)
    machine = day.machine
    day.call("06:29:51.390", "GET", "/things", answer=[machine.head()])
    dashboard = {
        **machine.head(),
        "widgets": machine.widgets(),
        "invalidWidgets": [],
        "runningCommands": [],
        "latestEndedCommands": [],
    }
    day.call("06:29:51.702", "GET", f"/things/{SERIAL}/dashboard", answer=dashboard, packed=True)
    firmwares = [
        {"type": "Gateway", "buildVersion": "v5.4.13", "changeLog": "", "status": "Updated", "availableUpdate": None},
        {"type": "Machine", "buildVersion": "v1.22", "changeLog": "", "status": "Updated", "availableUpdate": None},
    ]
    settings = {
        **machine.head(),
        "actualFirmwares": firmwares,
        "wifiSsid": "a made-up network",
        "wifiRssi": -51,
        "plumbInSupported": True,
        "isPlumbedIn": False,
        "autoUpdate": False,
    }
    # Sent together on one connection of HTTP/2, and answered in another order.
    day.call("06:29:51.704", "GET", f"/things/{SERIAL}/settings", answer=settings, lasts=0.41)
    schedule = {
        "id": "aXFz5bJ",
        "enabled": True,
        "onTimeMinutes": 420,
        "offTimeMinutes": 600,
        "days": ["Saturday", "Sunday"],
        "steamBoiler": True,
    }
    scheduling = {
        **machine.head(),
        "smartWakeUpSleep": {"schedules": [schedule]},
        "smartStandBy": {"enabled": True, "minutes": 30, "after": "PowerOn"},
    }
    day.call("06:29:51.705", "GET", f"/things/{SERIAL}/scheduling", answer=scheduling, lasts=0.12)


def _warm_up(day: Morning) -> None:
    machine = day.machine
    day.told(
        "06:29:52.610",
        "CONNECT",
        {
            "host": HOST,
            "accept-version": "1.2,1.1,1.0",
            "heart-beat": "0,0",
            "Authorization": f"Bearer {day.token}",
        },
    )
    day.told("06:29:52.702", "CONNECTED", {"version": "1.2", "heart-beat": "0,0"}, by_client=False)
    subscription = {
        "destination": f"/ws/sn/{SERIAL}/dashboard",
        "ack": "auto",
        "id": _made_up("subscription"),
        "content-length": "0",
    }
    day.told("06:29:52.704", "SUBSCRIBE", subscription)
    day.push("06:29:52.951")
    switched = day.command("06:30:20.118", "CoffeeMachineChangeMode", mode="BrewingMode")
    machine.status, machine.mode, machine.coffee, machine.steam = "PoweredOn", "BrewingMode", "HeatingUp", "HeatingUp"
    machine.next = {"status": "StandBy", "startTime": _milliseconds(_at("07:00:24.000"))}
    machine.coffee_ready = _milliseconds(_at("06:35:10.000"))  # type: ignore[assignment]
    machine.steam_ready = _milliseconds(_at("06:36:50.000"))  # type: ignore[assignment]
    switched["status"] = "InProgress"
    day.push("06:30:22.407")
    switched["status"] = "Success"
    day.push("06:30:25.033")
    machine.coffee, machine.coffee_ready = "Ready", None
    day.push("06:35:12.664")
    machine.steam, machine.steam_ready = "Ready", None
    day.push("06:36:53.190")


def _brew(day: Morning) -> None:
    machine = day.machine
    machine.commands = []
    for begun, seen, ended, over, seconds in (
        ("06:40:01.195", "06:40:03.511", "06:40:26.807", "06:40:28.402", 25.612),
        ("06:45:10.340", "06:45:12.733", "06:45:38.258", "06:45:39.871", 27.918),
    ):
        machine.status, machine.brewing_since = "Brewing", _milliseconds(_at(begun))
        day.push(seen)
        machine.status, machine.brewing_since = "PoweredOn", None
        machine.last_coffee = day.coffee(ended, seconds)
        day.push(over)
        if begun == "06:40:01.195":
            machine.last_flush = {"time": _milliseconds(_at("06:41:04.120")), "extractionSeconds": 3.204}
            day.push("06:41:06.018")
    machine.is_empty, machine.coffee = True, "NoWater"
    day.push("06:46:31.282")
    machine.is_empty, machine.coffee = False, "Ready"
    day.push("06:47:40.905")


def _end(day: Morning) -> None:
    machine = day.machine
    name = "CoffeeMachineSettingCoffeeBoilerTargetTemperature"
    set_to = day.command("06:50:00.250", name, boilerIndex=1, targetTemperature=94.0)
    machine.target, set_to["status"] = 94.0, "Success"
    day.push("06:50:04.716")
    statistics = f"/things/{SERIAL}/stats"
    shots = [day.coffee("06:45:38.259", 27.918), day.coffee("06:40:26.808", 25.612)]  # a millisecond later: so it is
    last = {"lastCoffees": shots}
    where = "1?days=7&timezone=Europe/Rome"
    day.call(
        "06:52:00.100",
        "GET",
        f"{statistics}/LAST_COFFEE/{where}",
        answer={"code": "LAST_COFFEE", "index": 1, "output": last},
        packed=True,
    )
    counter = {"totalCoffee": 1620, "totalFlush": 1366}
    day.call(
        "06:52:00.102",
        "GET",
        f"{statistics}/COFFEE_AND_FLUSH_COUNTER/1",
        answer={"code": "COFFEE_AND_FLUSH_COUNTER", "index": 1, "output": counter},
    )
    midnight = _milliseconds(START.replace(hour=0, minute=0, second=0))
    trend = {
        "days": 7,
        "timezone": "Europe/Rome",
        "coffees": [{"timestamp": midnight - _DAY * day_, "value": 2 + day_ % 3} for day_ in range(7)],
        "flushes": [{"timestamp": midnight - _DAY * day_, "value": 1} for day_ in range(7)],
    }
    day.call(
        "06:52:00.104",
        "GET",
        f"{statistics}/COFFEE_AND_FLUSH_TREND/{where}",
        answer={"code": "COFFEE_AND_FLUSH_TREND", "index": 1, "output": trend},
    )
    renewed = {"accessToken": f"made-up.{_b64(_sha256('later'))}", "refreshToken": f"made-up.{_b64(_sha256('next'))}"}
    asked = {"username": "owner@example.com", "refreshToken": f"made-up.{_b64(_sha256('refresh'))}"}
    day.call("06:54:50.431", "POST", "/auth/refreshtoken", asked, renewed)
    day.token = renewed["accessToken"]
    title = "<HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD>"
    blocked = f"<HTML>{title}<BODY>Request blocked.</BODY></HTML>"
    day.call("06:56:10.020", "GET", f"/things/{SERIAL}/dashboard", status=403, answer=blocked)
    switched = day.command("07:00:00.377", "CoffeeMachineChangeMode", mode="StandBy")
    machine.status, machine.mode, machine.coffee, machine.steam = "StandBy", "StandBy", "StandBy", "StandBy"
    machine.next, switched["status"] = None, "Success"
    day.push("07:00:03.944")
    day.told("07:00:10.000", "UNSUBSCRIBE", {"id": _made_up("subscription")})


def exchanges() -> list[Exchange]:
    """Return all that was asked that morning, in the order in which it began."""
    day = Morning()
    token = day.token
    for part in (_begin, _warm_up, _brew, _end):
        part(day)
    at = _at("06:29:52.401")
    upgrade = [*_signed(at, "the WebSocket"), ("Authorization", f"Bearer {token}"), ("Upgrade", "websocket")]
    socket = Exchange(at, "GET", "/ws/connect", status=101, headers=upgrade, messages=day.messages)
    other = Exchange(_at("06:29:49.100"), "GET", "/", host="www.example.com", answer="<html>Example</html>")
    return sorted([*day.exchanges, socket, other], key=lambda each: each.begun)


def _answer_headers(each: Exchange) -> Iterator[tuple[str, str]]:
    if each.messages:
        yield "Upgrade", "websocket"
        yield "Connection", "Upgrade"
        return
    yield "Content-Type", "text/html" if isinstance(each.answer, str) else "application/json"
    if each.packed:
        yield "Content-Encoding", "gzip"


def flows() -> bytes:
    """Return the morning as mitmproxy saves it: each exchange when it is over."""
    from mitmproxy.connection import Client, ConnectionState, Server  # noqa: PLC0415 -- the archive needs none of it
    from mitmproxy.http import Headers, HTTPFlow, Request, Response  # noqa: PLC0415
    from mitmproxy.io import FlowWriter  # noqa: PLC0415
    from mitmproxy.websocket import WebSocketData, WebSocketMessage  # noqa: PLC0415
    from wsproto.frame_protocol import Opcode  # noqa: PLC0415

    def fields(pairs: list[tuple[str, str]]) -> Headers:
        return Headers([(name.encode(), value.encode()) for name, value in pairs])

    file = io.BytesIO()
    writer = FlowWriter(file)
    all_of_it = exchanges()
    for number, each in enumerate(
        sorted(all_of_it, key=lambda one: one.messages[-1][0] if one.messages else one.begun)
    ):
        begun = each.begun.timestamp()
        ended = begun + each.lasts
        what = "socket" if each.messages else each.host
        port = {"socket": 53124, HOST: 53122}.get(what, 53120)
        client = Client(peername=("192.168.1.150", port), sockname=("192.168.1.10", 8080), timestamp_start=begun - 0.05)
        server = Server(address=(each.host, 443), timestamp_start=begun - 0.04)
        server.peername = server.sockname = None
        for end in (client, server):
            end.id = _made_up(f"{type(end).__name__} {what}")
            end.state = ConnectionState.CLOSED
            end.sni, end.tls, end.timestamp_tls_setup = each.host, True, begun - 0.01
            end.alpn = b"http/1.1" if each.messages else b"h2"
        flow = HTTPFlow(client, server)
        flow.id = _made_up(f"flow {number}")
        flow.timestamp_created = begun
        version = "HTTP/1.1" if each.messages else "HTTP/2.0"
        asked = [("Host", each.host), *each.headers]
        if each.sent:
            asked.append(("Content-Type", "application/json"))
        flow.request = Request(
            each.host, 443, each.method.encode(), b"https", b"", each.path.encode(), version.encode(), fields(asked),
            each.sent, None, begun, begun + 0.001,
        )  # fmt: skip
        given = gzip.compress(each.given, mtime=0) if each.packed else each.given
        flow.response = Response(
            version.encode(), each.status, b"", fields([*_answer_headers(each)]), given, None, ended - 0.001, ended
        )
        if each.messages:
            flow.websocket = WebSocketData(
                [
                    WebSocketMessage(Opcode.TEXT, by_client, text.encode(), at.timestamp())
                    for at, by_client, text in each.messages
                ]
            )
            flow.websocket.timestamp_end = each.messages[-1][0].timestamp() + 0.5
        writer.add(flow)
    return file.getvalue()


def archive() -> bytes:
    """Return the morning as an HTTP archive, in the way of Chrome."""
    entries = []
    for each in exchanges():
        pairs = [{"name": name, "value": value} for name, value in each.headers]
        request: dict[str, object] = {
            "method": each.method,
            "url": f"{'wss' if each.messages else 'https'}://{each.host}{each.path}",
            "httpVersion": "HTTP/1.1" if each.messages else "h2",
            "headers": pairs,
        }
        if each.sent:
            request["postData"] = {"mimeType": "application/json", "text": each.sent.decode()}
        answered = [{"name": name, "value": value} for name, value in _answer_headers(each)]
        content: dict[str, object] = {"size": len(each.given), "mimeType": "application/json"}
        if each.packed:  # as for what the browser takes for binary
            content |= {"text": _b64(each.given), "encoding": "base64"}
        elif each.given:
            content["text"] = each.given.decode()
        entry: dict[str, object] = {
            "startedDateTime": each.begun.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "time": round(each.lasts * 1000, 3),
            "connection": "32" if each.messages else "31" if each.host == HOST else "30",
            "request": request,
            "response": {"status": each.status, "headers": answered, "content": content},
        }
        if each.messages:
            entry["_resourceType"] = "websocket"
            entry["_webSocketMessages"] = [
                {
                    "type": "send" if by_client else "receive",
                    "time": at.timestamp(),
                    "opcode": 1,
                    "data": text,
                }
                for at, by_client, text in each.messages
            ]
        entries.append(entry)
    log = {"version": "1.2", "creator": {"name": "captures/make/lion.py", "version": "1"}, "entries": entries}
    return json.dumps({"log": log}, separators=(",", ":")).encode() + b"\n"


if __name__ == "__main__":
    (FOLDER / "lion-morning.flow").write_bytes(flows())
    (FOLDER / "lion-morning.har").write_bytes(archive())
