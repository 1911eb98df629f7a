"""Which connections the proxy makes for its clients, and which clients it has.

A proxy in a home network answers whoever reaches it, and makes connections as this computer. So a client could have it
reach what only this computer reaches: its own services, the router's page, the machines of the network. What is
refused here:

- names and addresses that are not the maker's, if `lm_forward` is `maker`, as in `lmdecode harvest`;
- whatever leads to this computer or into a private network, however it is written. A name is looked up once, here, and
  the address that was looked at is the one that is connected to: a name server could give another one the next time.

Only what a client chooses is looked at. What mitmproxy's own options or the user's scripts choose, such as the target
of a reverse proxy, is the user's wish; a transparent proxy is given what the phone would have reached without it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from typing import TYPE_CHECKING, Final

from mitmproxy import ctx
from mitmproxy.http import HTTPFlow, Response
from mitmproxy.proxy.mode_specs import RegularMode, Socks5Mode, UpstreamMode

from lmdecode.mitm.addresses import is_outside, source_towards
from lmdecode.mitm.clients import Clients, host_of
from lmdecode.mitm.hooks import reports_errors, say

if TYPE_CHECKING:
    from mitmproxy.connection import Client
    from mitmproxy.master import Master
    from mitmproxy.proxy.server_hooks import ServerConnectionHookData
    from mitmproxy.tls import ClientHelloData

MAKER_DOMAINS: Final = ("lamarzocco.io", "lamarzocco.com")
"""The domains of the maker. The app's hosts have changed with its versions: cms, gw, gw-lmz, lion, cms-api …"""

_SUCCESS: Final = "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"
ONLINE_ANSWERS: Final = {
    ("captive.apple.com", "/hotspot-detect.html"): (200, _SUCCESS),
    ("connectivitycheck.gstatic.com", "/generate_204"): (204, ""),
    ("connectivitycheck.android.com", "/generate_204"): (204, ""),
    ("clients3.google.com", "/generate_204"): (204, ""),
    ("www.google.com", "/gen_204"): (204, ""),
}  # fmt: skip
"""What a phone asks to see whether its Wi-Fi leads anywhere, and the answer that it wants. Without it the phone may use
the mobile network instead, and with it no proxy."""

_HTTPS: Final = 443
_MOST_TOLD: Final = 20  # lines about refusals
_PATIENCE: Final = 10.0  # seconds for a name server
_NAME_OF_A_HOST: Final = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z0-9-]{1,63}\.?", re.ASCII | re.IGNORECASE)
_Address = tuple[str, int]


def is_the_makers(host: str) -> bool:
    """Whether a name is one of the maker's domains, or in one.

    >>> [is_the_makers(each) for each in ("gw-lmz.LaMarzocco.io.", "lamarzocco.io.example.com", "xlamarzocco.io")]
    [True, False, False]
    """
    if not _NAME_OF_A_HOST.fullmatch(host):
        return False
    plain = host.lower().removesuffix(".")
    return any(plain == domain or plain.endswith(f".{domain}") for domain in MAKER_DOMAINS)


class Forwarding:
    """Refuses clients and what they ask for. It must be mitmproxy's first addon: see `install`."""

    name = "lm_forwarding"

    def __init__(self) -> None:
        self.pinning = Pinning(self)
        self.asked: dict[str, _Address] = {}
        """What a client asked for, until the user's scripts have had it; by the connection's id."""
        self.made: dict[str, set[_Address]] = {}
        """What a client's requests led to, by the client's id: when mitmproxy connects again, it asks for that."""
        self._clients = Clients()
        self._told: set[str] = set()

    @reports_errors
    def client_connected(self, client: Client) -> None:
        """Serve this computer and its networks, and not too many connections of one."""
        if not _only_the_maker() or client.error:
            return
        if why := self._clients.refusal(client):
            client.error = why
            host = host_of(client.peername)
            self._tell(f"client {host}", f"{why}, so {host} is refused")
            return
        server = ctx.master.addons.get("proxyserver")  # type: ignore[no-untyped-call]
        self._clients.admit(client, server.connections)

    @reports_errors
    def client_disconnected(self, client: Client) -> None:
        """Forget a client."""
        self._clients.leave(client)
        self.made.pop(client.id, None)

    @reports_errors
    def http_connect(self, flow: HTTPFlow) -> None:
        """Refuse a tunnel before any connection is made."""
        self._clients.asked(flow.client_conn)
        if _only_the_maker() and flow.response is None:
            self._refuse_http(flow, tunnel=True)

    @reports_errors
    def requestheaders(self, flow: HTTPFlow) -> None:
        """Refuse a request in the clear, whose body would otherwise be waited for and kept in memory."""
        request = flow.request
        self._clients.asked(flow.client_conn)
        if (
            not _only_the_maker()
            or flow.response
            or flow.error
            or request.scheme != "http"
            or not _chosen(flow.client_conn)
        ):
            return
        answer = ONLINE_ANSWERS.get((request.host.lower(), request.path.partition("?")[0]))
        if answer and request.method in {"GET", "HEAD"}:
            status, page = answer
            flow.response = Response.make(status, page, {"content-type": "text/html", "cache-control": "no-store"})
            return
        if ctx.options.onboarding and request.host == ctx.options.onboarding_host == request.pretty_host:
            return  # mitmproxy's own page with its certificate, which needs no connection
        self._refuse_http(flow, tunnel=False)

    @reports_errors
    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Refuse a connection, whatever it was asked for with."""
        address = data.server.address
        if data.server.error or address is None or not _chosen(data.client):
            return
        host, port = address[:2]
        mode = data.client.proxy_mode
        if isinstance(mode, UpstreamMode) and address == mode.address:
            return
        again = (host, port) in self.made.get(data.client.id, ())
        if _only_the_maker() and not again and (port != _HTTPS or not is_the_makers(host)):
            data.server.error = self.refusal(host, port, data.client)
            return
        self.asked[data.server.id] = (host, port)

    def refusal(self, host: str, port: int, client: Client) -> str:
        """Why a connection is refused; and the user is told, if that was not said yet."""
        who = host_of(client.peername)
        shown = _shown(host, port)
        if not _NAME_OF_A_HOST.fullmatch(host) or not host.rpartition(".")[2].strip("0123456789"):
            self._tell(f"address {who}", f"{who} asked for {shown}, which is none of the maker's hosts: refused")
        elif not is_the_makers(host):
            self._tell("others", "other apps on the phone get no answer while it uses this proxy")
        else:
            self._tell(f"port {host}", f"{who} asked for {shown}, which is not encrypted: refused")
        return (
            f"this proxy leads to La Marzocco's hosts only ({', '.join(MAKER_DOMAINS)}; port {_HTTPS}), not to {shown}"
        )

    def inside(self, host: str, port: int, client: Client) -> str:
        """Why a connection into a private network is refused; and the user is told."""
        who, shown = host_of(client.peername), _shown(host, port)
        text = f"{shown} is this computer, or in a private network"
        advice = "" if _only_the_maker() else " (lm_forward=all leads there)"
        self._tell(f"inside {who} {shown}", f"{who} asked for {shown}: {text}; refused{advice}")
        return f"{text}: this proxy does not lead there"

    def passed_through(self, client: Client) -> None:
        """Note that what a client sends is not decrypted."""
        self._clients.passed_through(client)

    def _refuse_http(self, flow: HTTPFlow, *, tunnel: bool) -> None:
        host, port = flow.request.host, flow.request.port
        if tunnel and port == _HTTPS and is_the_makers(host):
            return
        text = self.refusal(host, port, flow.client_conn)
        headers = {"content-type": "text/plain; charset=utf-8", "connection": "close"}
        flow.response = Response.make(403, f"{text}\n", headers)

    def _tell(self, what: str, text: str) -> None:
        if what not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(what)
            say(self, logging.WARNING, text)


class Pinning:
    """Looks up the names that clients ask for, and connects to what it has seen. It must be mitmproxy's last addon."""

    name = "lm_pinning"

    def __init__(self, forwarding: Forwarding) -> None:
        self._forwarding = forwarding

    @reports_errors
    def tls_clienthello(self, data: ClientHelloData) -> None:
        """Note what is passed through, once the other addons have decided."""
        if data.ignore_connection:
            self._forwarding.passed_through(data.context.client)

    async def server_connect(self, data: ServerConnectionHookData) -> None:
        """Refuse what leads into a private network, and pin the address of what does not."""
        asked = self._forwarding.asked.pop(data.server.id, None)
        if asked is None or data.server.error or data.server.address is None:
            return
        made = self._forwarding.made.setdefault(data.client.id, set())
        if ctx.options.lm_forward != "all" and asked not in made and data.server.address == asked:
            try:
                pinned = await pinned_address(*asked)
            except Exception as error:  # noqa: BLE001 -- mitmproxy would log it, and connect
                data.server.error = f"{type(error).__name__} while the name was looked up"
                return
            if pinned is None:
                data.server.error = f"{_shown(*asked)}: the name server does not know this name"
                return
            if not pinned:
                data.server.error = self._forwarding.inside(*asked, data.client)
                return
            if data.server.sni is None and is_the_makers(asked[0]):
                data.server.sni = asked[0].removesuffix(".")  # whose certificate it must show, whatever the client says
            data.server.address = (pinned, asked[1])
        made.add(data.server.address[:2])


async def pinned_address(host: str, port: int) -> str | None:
    """An address in the internet that a name leads to; "" if all are inside, None if the name leads nowhere."""
    try:
        async with asyncio.timeout(_PATIENCE):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError, TimeoutError):  # ValueError: what cannot be a name
        return None
    addresses = [str(each[4][0]) for each in sorted(found, key=lambda each: each[0] != socket.AF_INET)]
    outside = [address for address in addresses if is_outside(address)]
    return next(filter(source_towards, outside), outside[0] if outside else "")


def install(master: Master, forwarding: Forwarding) -> None:
    """Put it before and behind all other addons, so that it sees what clients ask for, and where scripts lead them."""
    addons = master.addons
    addons.register(forwarding)  # type: ignore[no-untyped-call]
    addons.register(forwarding.pinning)  # type: ignore[no-untyped-call]
    addons.chain = [forwarding, *addons.chain, forwarding.pinning]


def uninstall(master: Master, forwarding: Forwarding) -> None:
    """Take it away again."""
    for each in (forwarding, forwarding.pinning):
        if each in master.addons:
            master.addons.remove(each)  # type: ignore[no-untyped-call]


def _only_the_maker() -> bool:
    return bool(ctx.options.lm_forward == "maker")


def _chosen(client: Client) -> bool:
    """Whether it is the client that says what is connected to."""
    return isinstance(client.proxy_mode, RegularMode | Socks5Mode | UpstreamMode)


def _shown(host: str, port: int) -> str:
    """What a client asked for, without anything that a terminal would obey."""
    text = "".join(char if char.isprintable() else "?" for char in host[:100])
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"
