"""The page that tells a phone how to use the proxy, and has the certificate.

Anybody in the network can connect, so a connection has little time and room, and when there are too many, the oldest is
ended: whoever asks at once is answered, however many others hold theirs open.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
from pathlib import Path
from typing import Final

from lmdecode.mitm.addresses import is_neighbour

CERTIFICATE_FILE: Final = "mitmproxy-ca-cert.pem"
"""The public half of mitmproxy's own certificate authority, in its configuration folder."""

_PATIENCE: Final = 10.0  # seconds from a connection to its end
_MOST: Final = 32  # connections at once
_LONGEST: Final = 8192  # bytes of a request; browsers send some hundred

_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>lmdecode harvest</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 2rem auto; padding: 0 1rem }}
a.button {{ display: inline-block; padding: .6rem 1rem; border: 2px solid; border-radius: .5rem;
  text-decoration: none }}
li {{ margin: 1rem 0 }}
code {{ font-size: 1.1em }}
</style>
<h1>Set this phone up</h1>
<ol>
<li><b>Wi-Fi proxy.</b> In the settings of this Wi-Fi network, set the proxy to manual:
server <code>{host}</code>, port <code>{port}</code>.</li>
<li><b>Certificate.</b> <a class="button" href="/lmdecode.cer">Download it</a>, then<br>
iPhone: Settings → Profile downloaded → Install; then General → About → Certificate Trust Settings → switch it on.<br>
Android: Settings → Security → Install a certificate → CA certificate. Apps accept it from a rooted phone or an
emulator only.</li>
<li><b>The app.</b> Log out of La Marzocco's app, and log in again.</li>
<li><b>Meanwhile</b> other apps on this phone get no answer: the proxy leads to La Marzocco only.</li>
<li><b>Afterwards</b> set the proxy to off, and delete the certificate.</li>
</ol>
</html>
"""


def page_url(address: str, port: int) -> str:
    """Returns the page's address for a phone.

    >>> page_url("192.168.1.20", 8081), page_url("fe80::1", 8081)
    ('http://192.168.1.20:8081/', 'http://[fe80::1]:8081/')
    """
    return f"http://{f'[{address}]' if ':' in address else address}:{port}/"


class SetupPage:
    """Serves the page.

    Args:
        proxy: Host and port that the phone is to use.
        folder: mitmproxy's, with its certificate once that is made.
    """

    def __init__(self, proxy: tuple[str, int], folder: Path) -> None:
        self._page = _PAGE.format(host=html.escape(proxy[0]), port=proxy[1]).encode("utf-8")
        self._certificate = folder / CERTIFICATE_FILE
        self._open: dict[asyncio.StreamWriter, None] = {}
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port that it is on.

        Args:
            host: The address to listen on; empty for all.
            port: 0 for any that is free.

        Raises:
            OSError: The port is taken.
        """
        self._server = await asyncio.start_server(self._serve, host or None, port, limit=_LONGEST)
        listening: int = self._server.sockets[0].getsockname()[1]
        return listening

    def stop(self) -> None:
        """Listen no more, and end what is open."""
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer, own = (str(writer.get_extra_info(end, ("",))[0]) for end in ("peername", "sockname"))
        self._open[writer] = None
        try:
            if len(self._open) > _MOST:
                next(iter(self._open)).transport.abort()
            if not is_neighbour(peer, own):
                return
            async with asyncio.timeout(_PATIENCE):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer(request))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            self._open.pop(writer, None)
            with contextlib.suppress(OSError):
                writer.close()

    def _answer(self, request: bytes) -> bytes:
        method, path, *_ = [*request.split(b"\r\n", 1)[0].split(b" "), b"", b""]
        if method not in {b"GET", b"HEAD"}:
            return _response("405 Method Not Allowed", b"")
        if path == b"/":
            answer = _response("200 OK", self._page, "text/html; charset=utf-8")
        elif path == b"/lmdecode.cer" and self._certificate.is_file():
            answer = _response("200 OK", self._certificate.read_bytes(), "application/x-x509-ca-cert")
        else:
            answer = _response("404 Not Found", b"there is nothing here\n")
        return answer if method == b"GET" else answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def _response(status: str, body: bytes, kind: str = "text/plain; charset=utf-8") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode("ascii") + body
