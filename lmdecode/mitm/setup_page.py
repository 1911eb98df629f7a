"""The page that tells a phone what to do, and has the certificate to install. Served without TLS."""

from __future__ import annotations

import html
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

__all__ = ["CERTIFICATE_FILE", "serving"]

CERTIFICATE_FILE: Final = "mitmproxy-ca-cert.pem"
"""The public half of mitmproxy's own certificate authority, in its configuration folder."""

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
<li><b>Afterwards</b> set the proxy to off, and delete the certificate.</li>
</ol>
</html>
"""


@contextmanager
def serving(listen_host: str, listen_port: int, proxy: tuple[str, int], folder: Path) -> Iterator[int]:
    """Serve the page while the block runs; the port that it is on.

    Args:
        listen_host: The address to listen on; empty for all.
        listen_port: 0 for any that is free.
        proxy: Host and port that the phone is to use.
        folder: mitmproxy's, with its certificate once that is made.

    Raises:
        OSError: The port is taken.
    """
    page = _PAGE.format(host=html.escape(proxy[0]), port=proxy[1]).encode("utf-8")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/":
                self._send(page, "text/html; charset=utf-8")
            elif self.path == "/lmdecode.cer" and (folder / CERTIFICATE_FILE).is_file():
                self._send((folder / CERTIFICATE_FILE).read_bytes(), "application/x-x509-ca-cert")
            else:
                self.send_error(404)

        def _send(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the screen has the checklist."""

    server = ThreadingHTTPServer((listen_host, listen_port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
