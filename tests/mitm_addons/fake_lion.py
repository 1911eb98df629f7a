"""The maker's cloud since gateway v5, as far as a client needs it: a real server with TLS, HTTP/1.1, HTTP/2, WebSocket.

All values are made up. After a client has subscribed, it is sent a push for each change that the test makes.
"""

from __future__ import annotations

import asyncio
import copy
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme
from hypercorn.asyncio import serve
from hypercorn.config import Config

LION = "lion.lamarzocco.io"
BASE = f"https://{LION}/api/customer-app"
SERIAL = "MR012345"
PASSWORD = "correct horse battery staple"
EMAIL = "owner@example.com"
ACCESS = "eyJhbGciOiJIUzI1NiJ9.YWNjZXNz.c2lnbmF0dXJlMQ"
REFRESH = "eyJhbGciOiJIUzI1NiJ9.cmVmcmVzaA.c2lnbmF0dXJlMg"
BLE_TOKEN = "0123456789abcdef" * 4
SSID = "Villa Arabica"
SECRETS = (PASSWORD, EMAIL, ACCESS, REFRESH, BLE_TOKEN, SSID)

STATUS = {"status": "StandBy", "mode": "StandBy", "nextStatus": None, "brewingStartTime": None, "lastCoffee": None}
BOILER = {"status": "StandBy", "enabled": True, "targetTemperature": 93.0, "readyStartTime": None}


def thing(**more: Any) -> dict[str, Any]:
    return {
        "serialNumber": SERIAL,
        "type": "CoffeeMachine",
        "name": "kitchen",
        "modelCode": "LINEAMICRA",
        "connected": True,
        "bleAuthToken": BLE_TOKEN,
        "coffeeStation": {"id": "1", "coffeeMachine": {"serialNumber": SERIAL, "bleAuthToken": BLE_TOKEN}},
        **more,
    }


class FakeLion:
    """An ASGI application."""

    def __init__(self) -> None:
        self.port = 0
        self.ca_file = Path()
        self.asked: list[str] = []
        self.widgets: dict[str, Any] = {"CMMachineStatus": copy.deepcopy(STATUS), "CMCoffeeBoiler": dict(BOILER)}
        self.commands: list[dict[str, Any]] = []
        self._number = 0

    def dashboard(self) -> dict[str, Any]:
        widgets = [{"code": code, "index": 1, "output": output} for code, output in self.widgets.items()]
        return {"connected": True, "removedWidgets": [], "widgets": widgets, "commands": self.commands, "uuid": "u"}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(receive, send)

    async def _http(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        path = scope["path"].removeprefix("/api/customer-app")
        self.asked.append(f"{scope['method']} {path}")
        answer = self._answer(path, json.loads(body) if body else {})
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def _answer(self, path: str, body: dict[str, Any]) -> object:
        if path.startswith("/auth/"):
            return {"accessToken": ACCESS, "refreshToken": REFRESH}
        if path == "/things":
            return [thing()]
        if path.endswith("/dashboard"):
            return thing(**self.dashboard())
        if path.endswith("/settings"):
            return thing(wifiSsid=SSID, wifiRssi=-48, isPlumbedIn=False)
        if path.endswith("/command/CoffeeMachineSettingCoffeeBoilerTargetTemperature"):
            self.widgets["CMCoffeeBoiler"]["targetTemperature"] = body["targetTemperature"]
            self.commands = [{"id": "c0ffee00-0000-4000-8000-000000000001", "status": "Success", "errorCode": None}]
            return [{**self.commands[0], "status": "Pending"}]
        return {}

    async def _websocket(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            event = await receive()
            if event["type"] != "websocket.receive":
                return
            text = event.get("text") or ""
            if text.startswith("CONNECT"):
                await send({"type": "websocket.send", "text": "CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0"})
            elif text.startswith("SUBSCRIBE"):
                for _ in range(2):
                    await send({"type": "websocket.send", "text": self._push()})
                    self.widgets["CMMachineStatus"] |= {"status": "PoweredOn", "mode": "BrewingMode"}

    def _push(self) -> str:
        self._number += 1
        body = json.dumps(self.dashboard())
        head = (
            f"destination:/ws/sn/{SERIAL}/dashboard\ncontent-type:application/json\nsubscription:s1\n"
            f"message-id:m-{self._number}\ncontent-length:{len(body.encode())}"
        )
        return f"MESSAGE\n{head}\n\n{body}\0"


@contextmanager
def fake_lion(folder: Path) -> Iterator[FakeLion]:
    """A server on loopback, with a certificate for the maker's host from a CA of its own."""
    lion = FakeLion()
    ca = trustme.CA()
    listener = socket.create_server(("127.0.0.1", 0))
    lion.port, lion.ca_file = listener.getsockname()[1], folder / "lion-ca.pem"
    ca.cert_pem.write_to_path(lion.ca_file)
    certificate = ca.issue_cert(LION)
    certificate.private_key_pem.write_to_path(folder / "lion-key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "lion.pem")
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.certfile, config.keyfile = str(folder / "lion.pem"), str(folder / "lion-key.pem")
    config.alpn_protocols = ["h2", "http/1.1"]
    config.errorlog = None
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(
        target=loop.run_until_complete, args=[serve(lion, config, shutdown_trigger=stop.wait)], daemon=True
    )
    thread.start()
    try:
        yield lion
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
