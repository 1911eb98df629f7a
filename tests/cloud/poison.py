"""An attacker in the home network, whose own server speaks in the name of the maker's cloud."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

KEY = "ATTACKERATTACKERATTACKERATTACKER"
FLEET = {
    "data": {"fleet": [{"communicationKey": KEY, "name": "kit\x1b[2Jchen", "machine": {"serialNumber": "GS012345"}}]}
}
LOGIN = b"grant_type=password&client_id=EVILID&client_secret=EVILSECRET&username=evil@example.com&password=evilpw"


class Poisoner:
    """A plain HTTP server of the attacker's, and what he asks the owner's proxy; a context manager."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        """The paths of all requests that came through."""
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(FLEET)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._answer({"access_token": "a", "refresh_token": "b"})

            def _answer(self, value: object) -> None:
                asked.append(self.path)
                body = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def requests(self, host_of_the_attacker: str = "127.0.0.1") -> list[bytes]:
        """A login and a question for the machines, to the attacker's server, in the name of the cloud."""
        here = f"http://{host_of_the_attacker}:{self.port}"
        host = b"Host: cms.lamarzocco.io\r\n"
        form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(LOGIN)
        return [
            f"POST {here}/oauth/v2/token HTTP/1.1\r\n".encode() + host + form + LOGIN,
            f"GET {here}/api/customer HTTP/1.1\r\n".encode() + host + b"\r\n",
        ]
