"""mitmproxy without mitmproxy: the proxy of `lmdecode harvest`, run from here, with the credentials' addon in it."""

from __future__ import annotations

import asyncio
import errno
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mitmproxy import exceptions, options
from mitmproxy.tools.dump import DumpMaster

from lmdecode.cloud.endpoints import is_watched
from lmdecode.codec.errors import LmdecodeError
from lmdecode.config.store import check_writable
from lmdecode.mitm.credentials import CredentialsAddon
from lmdecode.mitm.options import path_of

if TYPE_CHECKING:
    from mitmproxy.connection import Client
    from mitmproxy.tls import TlsData

__all__ = ["Harvest", "HarvestError"]

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
