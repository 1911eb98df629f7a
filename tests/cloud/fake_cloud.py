"""The maker's cloud, as far as the app needs it to log in: a real server with TLS, HTTP/1.1 and HTTP/2.

What it answers is said by the request's header `x-answer`, or its own `mood`: so one server has all moods.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
import zlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import brotli
import trustme
import zstandard
from hypercorn.asyncio import serve
from hypercorn.config import Config

CLOUD = "cms.lamarzocco.io"
LION = "lion.lamarzocco.io"
GATEWAY = "gw.lamarzocco.io"
STRANGER = "www.example.com"
TOKEN = f"https://{CLOUD}/oauth/v2/token"
CUSTOMER = f"https://{CLOUD}/api/customer"

Headers = list[tuple[bytes, bytes]]

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": lambda body: zstandard.ZstdCompressor().compress(body),
}
HTML = b"<!doctype html><title>Welcome to our Wi-Fi</title>"


def machine(key: str | None, serial: str = "GS012345", name: str = "kitchen", model: str = "GS3 AV") -> dict[str, Any]:
    return {
        "communicationKey": key,
        "name": name,
        "paringDate": "2020-01-01",
        "machine": {"serialNumber": serial, "model": {"name": model}},
    }


def fleet(*machines: dict[str, Any]) -> dict[str, Any]:
    return {"status": True, "data": {"username": "someone", "fleet": list(machines)}}


def tokens(access: str = "the-access-token", refresh: str = "the-refresh-token") -> dict[str, Any]:
    return {"access_token": access, "refresh_token": refresh, "expires_in": 3600, "token_type": "bearer"}


THINGS = [{"serialNumber": "MR012345", "name": "kitchen", "bleAuthToken": "0123456789abcdef" * 4}]
_WIDGET = {"code": "CMCoffeeBoiler", "index": 1, "output": {"status": "Ready", "targetTemperature": 94.0}}
PUSH = (
    "MESSAGE\ndestination:/ws/sn/MR012345/dashboard\ncontent-type:application/json\n\n"
    f"{json.dumps({'connected': True, 'widgets': [_WIDGET], 'commands': []})}\0"
)


@dataclass
class FakeCloud:
    port: int
    ca: trustme.CA
    folder: Path
    fleet: object
    tokens: object
    mood: str = ""
    asked: list[str] = field(default_factory=list)
    """The paths of all requests."""

    @property
    def ca_file(self) -> Path:
        return self.folder / "cloud-ca.pem"

    async def __call__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        if scope["type"] == "websocket":
            await self._follow(receive, send)
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        mood = dict(scope["headers"]).get(b"x-answer", b"").decode() or self.mood
        self.asked.append(scope["path"])
        status, body, headers = self._answer(scope["path"], mood)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _follow(self, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        """The WebSocket of lion: each text is answered with a push."""
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": PUSH})

    def _answer(self, path: str, mood: str) -> tuple[int, bytes, Headers]:
        kind = [(b"content-type", b"application/json")]
        body = json.dumps(self.tokens if path.endswith("token") else self.fleet).encode()
        if path.startswith("/api/customer-app/"):
            signed_in = {"accessToken": "the-access-token", "refreshToken": "the-refresh-token"}
            body = json.dumps(signed_in if path.endswith("signin") else THINGS).encode()
        if mood.isdigit():
            return int(mood), b'{"error": "invalid_grant"}', kind
        if mood == "html":
            return 200, HTML, [(b"content-type", b"text/html")]
        if mood == "malformed":
            return 200, body[:-5], kind
        if mood == "falsely gzip":
            return 200, body, [*kind, (b"content-encoding", b"gzip")]
        if mood in COMPRESSORS:
            return 200, COMPRESSORS[mood](body), [*kind, (b"content-encoding", mood.encode())]
        return 200, body, kind


@contextmanager
def serving(folder: Path) -> Iterator[FakeCloud]:
    ca = trustme.CA()
    listener = socket.create_server(("127.0.0.1", 0))
    cloud = FakeCloud(listener.getsockname()[1], ca, folder, fleet(), tokens())
    ca.cert_pem.write_to_path(cloud.ca_file)
    certificate = ca.issue_cert(CLOUD, GATEWAY, LION, STRANGER, "localhost")
    certificate.private_key_pem.write_to_path(folder / "cloud-key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "cloud.pem")
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.certfile, config.keyfile = str(folder / "cloud.pem"), str(folder / "cloud-key.pem")
    config.alpn_protocols = ["h2", "http/1.1"]
    config.errorlog = None
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(
        target=loop.run_until_complete, args=[serve(cloud, config, shutdown_trigger=stop.wait)], daemon=True
    )
    thread.start()
    yield cloud
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
