"""The proxy of `lmdecode harvest`: runs mitmproxy with the credentials addon inside this process."""

from __future__ import annotations

import asyncio
import errno
import html
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mitmproxy import exceptions, options
from mitmproxy.tools.dump import DumpMaster

from lmdecode.cloud.http import is_watched
from lmdecode.codec.errors import LmdecodeError
from lmdecode.config.file import check_writable
from lmdecode.mitm.credentials import CredentialsAddon
from lmdecode.mitm.hooks import path_of

if TYPE_CHECKING:
    from mitmproxy.connection import Client
    from mitmproxy.tls import TlsData

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


def own_address() -> str:
    """Returns this computer's address in its network, without sending anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation: only the route is looked up
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address


_TICK: Final = 0.2  # seconds between two looks at how it goes
# A port that is taken, or not allowed, as systems number it; numbers of Windows last.
_TAKEN: Final = f"{errno.EADDRINUSE}|{errno.EACCES}|10048|10013"
_PORT_TAKEN = re.compile(rf"(?:errno|winerror) (?:{_TAKEN})\]", re.IGNORECASE).search


class HarvestError(LmdecodeError):
    """The proxy could not be started; one line."""


@dataclass(slots=True)
class _Progress:
    """What of the phone was seen."""

    proxied: bool = False
    trusted: bool = False


class _Observer:
    """Notes how far the phone is set up."""

    def __init__(self, progress: _Progress) -> None:
        self._progress = progress

    def client_connected(self, _client: Client) -> None:
        """Something uses the proxy."""
        self._progress.proxied = True

    def tls_established_client(self, data: TlsData) -> None:
        """The app takes the proxy's certificate for the maker's."""
        if is_watched(data.conn.sni):
            self._progress.trusted = True


class _Lines(logging.Handler):
    """Hands on what the addon says."""

    def __init__(self, take: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._take = take
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self.errors.append(record.getMessage())
        if record.name.startswith("lmdecode") or record.levelno >= logging.ERROR:
            self._take(record.getMessage().removeprefix("lm_credentials: "))


@dataclass(slots=True)
class Harvest:
    """One run of the proxy, until all is found or it is stopped.

    Args:
        config: The file that what is found goes into.
        host: The address to listen on; empty for all.
        port: To listen on; 0 for any that is free.
        show_secrets: Whether what is found may be shown.
        settings: Further options of mitmproxy, `name=value`.
        say: Is given what the addon says, line by line.
    """

    config: Path
    host: str = ""
    port: int = 8080
    show_secrets: bool = False
    settings: Sequence[str] = ()
    say: Callable[[str], None] = print
    _progress: _Progress = field(default_factory=_Progress)
    _addon: CredentialsAddon = field(default_factory=CredentialsAddon)
    _folder: Path = Path()

    @property
    def certificate_folder(self) -> Path:
        """Mitmproxy's configuration folder."""
        return self._folder

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        complete: bool = self._addon.found.complete
        return complete

    def checklist(self) -> list[tuple[str, bool]]:
        """The steps, each with whether it is done."""
        found = self._addon.found
        client, account = found.client, found.account
        return [
            ("the phone uses the proxy", self._progress.proxied),
            ("the app trusts the certificate", self._progress.trusted),
            ("client id and client secret", bool(client and client.client_id and client.client_secret)),
            ("user name and password", bool(account and account.username and account.password)),
            ("key of a machine", bool(found.keyed)),
        ]

    async def run(self, started: Callable[[int], None], tick: Callable[[], None]) -> None:
        """Run the proxy until all is found, or this is cancelled.

        Args:
            started: Called once, with the port that is listened on.
            tick: Called several times a second.

        Raises:
            HarvestError: The port is taken, or an option is none.
            ConfigError: The file could not take what is found.
        """
        check_writable(self.config)
        handler = _Lines(self.say)
        logging.getLogger().addHandler(handler)
        master = DumpMaster(options.Options(), with_termlog=False, with_dumper=False)
        try:
            # It would end the program on an error, with a line that does not say which.
            master.addons.remove(master.addons.get("errorcheck"))  # type: ignore[no-untyped-call]
            master.addons.add(self._addon, _Observer(self._progress))  # type: ignore[no-untyped-call]
            self._configure(master)
            running = asyncio.create_task(master.run())
            try:
                started(await self._listening(master, handler))
                while not running.done():
                    tick()
                    await asyncio.wait([running], timeout=_TICK)
                tick()
                await running
            finally:
                master.shutdown()  # type: ignore[no-untyped-call]
                await asyncio.gather(running, return_exceptions=True)
        finally:
            logging.getLogger().removeHandler(handler)

    def _configure(self, master: DumpMaster) -> None:
        try:
            master.options.update(  # type: ignore[no-untyped-call]
                listen_host=self.host,
                listen_port=self.port,
                lm_config=str(self.config),
                lm_show_secrets=self.show_secrets,
                lm_quit=True,
            )
            master.options.set(*self.settings, defer=True)  # scripts may add what others are for
        except exceptions.OptionsError as error:
            raise HarvestError(str(error)) from None
        self._folder = path_of(master.options.confdir)

    async def _listening(self, master: DumpMaster, lines: _Lines) -> int:
        """Wait until the proxy listens; its port."""
        server = master.addons.get("proxyserver")  # type: ignore[no-untyped-call]
        while not (addresses := server.listen_addrs()):
            if self.port and any(_PORT_TAKEN(error) for error in lines.errors):
                raise HarvestError(f"port {self.port} is taken, or not yours to use: name another with --port")
            if lines.errors:
                raise HarvestError(f"the proxy does not start: {lines.errors[0].splitlines()[0]}")
            await asyncio.sleep(0.02)
        port: int = addresses[0][1]
        return port
