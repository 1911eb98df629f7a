"""The proxy of `lmdecode harvest`: runs mitmproxy with the credentials addon inside this process."""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mitmproxy import exceptions, options
from mitmproxy.proxy.mode_specs import ProxyMode, RegularMode, Socks5Mode, UpstreamMode
from mitmproxy.tools.dump import DumpMaster

from lmdecode.cloud.collection import Keeper, Saved
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.speakers import is_cloud
from lmdecode.config.sample import check_takes_findings
from lmdecode.mitm.credentials import CredentialsAddon
from lmdecode.mitm.forwarding import install
from lmdecode.mitm.hooks import path_of
from lmdecode.mitm.setup_page import SetupPage, page_url

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow
    from mitmproxy.tls import TlsData

_TICK: Final = 0.2  # seconds between two looks at how it goes
# A port that is taken, or not allowed, as systems number it; numbers of Windows last.
_TAKEN: Final = f"{errno.EADDRINUSE}|{errno.EACCES}|10048|10013"
_PORT_TAKEN = re.compile(rf"(?:errno|winerror) (?:{_TAKEN})\]", re.IGNORECASE).search
_PREFIX: Final = re.compile(r"^lm_\w+: ")
_MOST_ERRORS: Final = 100
_BODY_LIMIT: Final = (
    "2m"  # a fleet has thousands of bytes, and what is sent to the proxy is kept in memory until it is whole
)


class HarvestError(LmdecodeError):
    """The proxy could not be started; one line."""


@dataclass(frozen=True, slots=True)
class Listening:
    """What a running harvest listens on."""

    proxy: list[tuple[str, int]]
    """Addresses and ports of the proxy."""
    page: int
    """The port of the set-up page, on the same addresses."""

    @property
    def hosts(self) -> list[str]:
        """The addresses, each once."""
        return list(dict.fromkeys(host for host, _ in self.proxy))


@dataclass(slots=True)
class _Progress:
    """What of the phone was seen."""

    proxied: bool = False
    trusted: bool = False


class _Observer:
    """Notes how far the phone is set up."""

    def __init__(self, progress: _Progress) -> None:
        self._progress = progress

    def http_connect(self, _flow: HTTPFlow) -> None:
        """Something uses the proxy, for a tunnel."""
        self._progress.proxied = True

    def requestheaders(self, _flow: HTTPFlow) -> None:
        """Something uses the proxy."""
        self._progress.proxied = True

    def tls_established_client(self, data: TlsData) -> None:
        """The app takes the proxy's certificate for the maker's."""
        if is_cloud(data.conn.sni):
            self._progress.trusted = True


class _Lines(logging.Handler):
    """Hands on what the addon says."""

    def __init__(self, take: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._take = take
        self.errors: list[str] = []
        self._last = ""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.ERROR and len(self.errors) < _MOST_ERRORS:
            self.errors.append(text)
        text = _PREFIX.sub("", "".join(char if char.isprintable() else "?" for char in text))
        if (record.name.startswith("lmdecode") or record.levelno >= logging.ERROR) and text != self._last:
            self._last = text  # whoever makes the same happen again and again fills no screen or file
            self._take(text)


@dataclass(slots=True)
class Harvest:
    """One run of the proxy, until all is found, its time is over, or it is stopped.

    Args:
        config: The file that what is found goes into.
        host: The address to listen on, for the proxy and the set-up page.
        shown: The address that the phone is told.
        port: To listen on; 0 for any that is free.
        page_port: The set-up page's; 0 for any that is free.
        seconds: How long it runs at most.
        replace: Whether what is found may replace what the file has.
        show_secrets: Whether what is found may be shown.
        save_password: Whether the account's password is kept.
        save_tokens: Whether the access tokens are kept.
        settings: Further options of mitmproxy, `name=value`.
        say: Is given what the addon says, line by line.
    """

    config: Path
    host: str
    shown: str
    port: int = 8080
    page_port: int = 8081
    seconds: float = 1800.0
    replace: bool = False
    show_secrets: bool = False
    save_password: bool = False
    save_tokens: bool = False
    settings: Sequence[str] = ()
    say: Callable[[str], None] = print
    timed_out: bool = False
    """Whether its time was over before it was complete."""
    _progress: _Progress = field(default_factory=_Progress)
    _addon: CredentialsAddon = field(default_factory=lambda: CredentialsAddon(advice=""))

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        complete: bool = self._addon.found.complete
        return complete

    @property
    def kept(self) -> tuple[str, ...]:
        """What the file keeps of its own though something else was found, by names for people."""
        return self._addon.saved.kept if self._addon.saved else ()

    @property
    def found_anything(self) -> bool:
        """Whether anything was written."""
        return self._addon.saved is not None

    @property
    def password_left_out(self) -> bool:
        """Whether a password was found that the file did not get."""
        return bool(self._addon.saved and self._addon.saved.password_left_out)

    def take_instead(self) -> Saved:
        """Replace what the file kept, because the owner said so.

        Raises:
            ConfigError: The file cannot be written.
        """
        return self._addon.save_again(Keeper(replace=True), password=self.save_password)

    def keep_password(self) -> Saved:
        """Write the password too, because the owner said so.

        Raises:
            ConfigError: The file cannot be written.
        """
        return self._addon.save_again(Keeper(replace=self.replace), password=True)

    def checklist(self) -> list[tuple[str, bool]]:
        """The steps, each with whether it is done."""
        found = self._addon.found
        client, account = found.client, found.account
        steps = [
            ("the phone uses the proxy", self._progress.proxied),
            ("the app trusts the certificate", self._progress.trusted),
        ]
        is_first = bool(client or found.keyed or not found.is_of_today)
        if is_first:  # the cloud of today has none
            steps.append(("client id and client secret", bool(client and client.client_id and client.client_secret)))
        steps.append(("user name and password", bool(account and account.username and account.password)))
        if is_first:
            steps.append(("key of a machine", bool(found.keyed)))
        else:
            steps.append(("Bluetooth token of a machine", bool(found.useful)))
        return steps

    async def run(self, started: Callable[[Listening], None], tick: Callable[[], None]) -> None:
        """Run the proxy until all is found, its time is over, or this is cancelled.

        Args:
            started: Called once, with what is listened on.
            tick: Called several times a second.

        Raises:
            HarvestError: A port is taken, or an option cannot be used.
            ConfigError: The file could not take what is found.
        """
        check_takes_findings(self.config)
        handler = _Lines(self.say)
        logging.getLogger().addHandler(handler)
        master = DumpMaster(options.Options(), with_termlog=False, with_dumper=False)
        try:
            # It would end the program on an error, with a line that does not say which.
            master.addons.remove(master.addons.get("errorcheck"))  # type: ignore[no-untyped-call]
            master.addons.add(self._addon, _Observer(self._progress))  # type: ignore[no-untyped-call]
            install(master, self._addon.forwarding)  # before the first client can connect
            self._configure(master)
            running = asyncio.create_task(master.run())
            page: SetupPage | None = None
            try:
                addresses = await self._listening(master, handler)
                page = SetupPage((self.shown, addresses[0][1]), path_of(master.options.confdir))
                page_port = await self._serve(page, master.options.listen_host)
                self._addon.certificate_page = page_url(self.shown, page_port)
                started(Listening(addresses, page_port))
                end = time.monotonic() + self.seconds
                while not running.done() and time.monotonic() < end:
                    tick()
                    await asyncio.wait([running], timeout=_TICK)
                tick()
                if running.done():
                    await running
                else:
                    self.timed_out = True
            finally:
                if page is not None:
                    page.stop()
                master.shutdown()  # type: ignore[no-untyped-call]
                await asyncio.gather(running, return_exceptions=True)
        finally:
            logging.getLogger().removeHandler(handler)

    def _configure(self, master: DumpMaster) -> None:
        try:
            master.options.update(  # type: ignore[no-untyped-call]
                listen_host=self.host,
                listen_port=self.port,
                body_size_limit=_BODY_LIMIT,
                block_global=not _is_global_ipv6(self.host),  # whose network has such addresses too: see forwarding
                lm_config=str(self.config),
                lm_forward="maker",
                lm_replace=self.replace,
                lm_show_secrets=self.show_secrets,
                lm_save_password=self.save_password,
                lm_save_tokens=self.save_tokens,
                lm_quit=True,
            )
            master.options.set(*self.settings, defer=True)  # scripts may add what others are for
            modes = [ProxyMode.parse(each) for each in master.options.mode]
        except (exceptions.OptionsError, ValueError) as error:
            raise HarvestError(str(error)) from None
        if not all(isinstance(each, RegularMode | Socks5Mode | UpstreamMode) for each in modes):
            raise HarvestError(
                "harvest works in mitmproxy's modes regular, socks5 and upstream only: for others run "
                'mitmdump -s "$(lmdecode addon-path lm_credentials)"'
            )
        if master.options.ssl_insecure:
            raise HarvestError("with ssl_insecure anybody could pose as the cloud: leave it out")

    async def _listening(self, master: DumpMaster, lines: _Lines) -> list[tuple[str, int]]:
        """Wait until the proxy listens; its addresses."""
        server = master.addons.get("proxyserver")  # type: ignore[no-untyped-call]
        while not (addresses := server.listen_addrs()):
            if self.port and any(_PORT_TAKEN(error) for error in lines.errors):
                raise HarvestError(f"port {self.port} is taken, or not yours to use: name another with --port")
            if lines.errors:
                raise HarvestError(f"the proxy does not start: {lines.errors[0].splitlines()[0]}")
            await asyncio.sleep(0.02)
        return [(str(each[0]), int(each[1])) for each in addresses]

    async def _serve(self, page: SetupPage, host: str) -> int:
        try:
            return await page.start(host, self.page_port)
        except OSError as error:
            raise HarvestError(f"port {self.page_port}: {error.strerror}: name another with --page-port") from None


def _is_global_ipv6(host: str) -> bool:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return isinstance(address, IPv6Address) and address.is_global
