"""Shared code of all addon hooks: an error in a hook becomes a line in mitmproxy's log, and the traffic flows on."""

from __future__ import annotations

import functools
import logging
import os
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeGuard, TypeVar

from mitmproxy import exceptions
from mitmproxy.http import Headers, HTTPFlow

from lmdecode.cloud.http import Exchange, Request, Response, is_watched
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Sender

if TYPE_CHECKING:
    from mitmproxy.addonmanager import Loader
    from mitmproxy.flow import Flow
    from mitmproxy.tcp import TCPFlow


class _Addon(Protocol):
    name: str


P = ParamSpec("P")
Addon = TypeVar("Addon", bound=_Addon)

_log = logging.getLogger(__name__)


def reports_errors(hook: Callable[Concatenate[Addon, P], None]) -> Callable[Concatenate[Addon, P], None]:
    """Make an error in a hook one line in mitmproxy's log. The traffic flows on in any case."""

    @functools.wraps(hook)
    def run(addon: Addon, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            hook(addon, *args, **kwargs)
        except LmdecodeError as error:
            say(addon, logging.ERROR, str(error))
        except OSError as error:
            say(addon, logging.ERROR, f"{error.filename or 'input or output'}: {error.strerror}")
        except exceptions.OptionsError:
            raise  # mitmproxy takes the option's new value back
        except Exception as error:  # noqa: BLE001 -- a fault of ours must not become one of the connection
            # The error's own text may hold anything of the traffic, even secrets.
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}, line {where.lineno}"
            say(
                addon,
                logging.ERROR,
                f"{type(error).__name__} in {hook.__name__} ({place}); the traffic is not affected",
            )

    return run


def say(addon: _Addon, level: int, text: str) -> None:
    """Put a line into mitmproxy's log."""
    _log.log(level, "%s: %s", addon.name, text)


class Message(Protocol):
    """A TCP message, as mitmproxy calls what was read from a socket at once."""

    @property
    def from_client(self) -> bool:
        """Whether the app sent it."""

    @property
    def content(self) -> bytes:
        """Its bytes."""

    @property
    def timestamp(self) -> float:
        """When it was received, in seconds since 1970."""


def is_machine(flow: Flow | None, port: int) -> TypeGuard[TCPFlow]:
    """Whether a flow goes to a machine. Looks at where it goes only, at nothing that is in it."""
    if flow is None or flow.type != "tcp":
        return False
    address = flow.server_conn.address
    return address is not None and address[1] == port


def host_port(address: Sequence[object] | None, otherwise: str) -> str:
    """A socket's address as Records have it.

    >>> host_port(("::1", 1774, 0, 0), "machine"), host_port(None, "machine")
    ('[::1]:1774', 'machine')
    """
    if not address:
        return otherwise
    host = str(address[0])
    return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"


def nanoseconds(timestamp: float) -> int:
    """A time of mitmproxy's; a float of today's seconds is good for microseconds, and no more.

    >>> nanoseconds(1795229755.174158)
    1795229755174158000
    """
    return round(timestamp * 1e6) * 1000


def sender(message: Message) -> Sender:
    """Who sent a message."""
    return "app" if message.from_client else "machine"


def path_of(option: str) -> Path:
    """The path that an option names, with its ~ as mitmproxy takes it: that of a user who is not there stays.

    >>> path_of("~nobody.of.this.name/x").parts
    ('~nobody.of.this.name', 'x')
    """
    return Path(os.path.expanduser(option))  # noqa: PTH111 -- Path's own raises for a user who is not there


def add_shared_options(loader: Loader) -> None:
    """Add `lm_config` and `lm_show_secrets`."""
    loader.add_option(
        "lm_config",
        str,
        "",
        "The config.json that credentials are put into and the machine's key is taken from. Without it: ./config.json "
        "if it is there, otherwise the one in your config folder. A key is first looked for in LMDECODE_KEY.",
    )
    loader.add_option(
        "lm_show_secrets", bool, False, "Show secrets instead of **: credentials, and the machine's own cloud account."
    )


def claimed_host(flow: HTTPFlow) -> str | None:
    """Which of the maker's hosts a flow claims to be with, if it does. Looks at nothing but the names in it."""
    return next((name for name in (flow.request.host, flow.request.pretty_host) if is_watched(name)), None)


def verified_host(flow: HTTPFlow) -> str | None:
    """Which of the maker's hosts a flow is with, if it is one: over TLS, and all names in it are the same.

    The name that counts is the one that mitmproxy has compared with the server's certificate, because a client can
    write anything into a request. A transparent proxy has an address where others have a name; an address is no name.

    Saved flows may be made of another format, which does not say with whom there was TLS. In these the name counts that
    was connected to, which no client can pretend; only where that is an address, the name of the certificate counts.
    """
    request, server = flow.request, flow.server_conn
    by_certificate = flow.live or _is_address(request.host)
    if by_certificate and request.scheme != "https":
        return None
    if flow.live and not (server.tls_established and flow.client_conn.tls_established):
        return None
    connected = (server.sni if by_certificate else request.host) or ""
    names = {_plain(name) for name in (connected, request.pretty_host, request.host)}
    name = _plain(connected)
    return name if is_watched(name) and all(each == name or _is_address(each) for each in names) else None


def _plain(host: str) -> str:
    return host.lower().removesuffix(".")


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def exchange(flow: HTTPFlow) -> Exchange | None:
    """A flow with one of the maker's hosts; of others nothing is read."""
    host = verified_host(flow)
    if host is None:
        return None
    asked, answer = flow.request, flow.response
    request = Request(asked.method, host, asked.path, _headers(asked.headers), asked.raw_content or b"")
    if answer is None:
        return Exchange(request, None)
    moment = answer.timestamp_end or answer.timestamp_start
    response = Response(answer.status_code, _headers(answer.headers), answer.raw_content)
    return Exchange(request, response, _time(moment))


def _time(moment: object) -> datetime | None:
    """A time of mitmproxy's; None if there is none, or none that a clock can show, as damaged flows have it."""
    try:
        return datetime.fromtimestamp(moment, UTC) if moment and isinstance(moment, int | float) else None
    except (ValueError, OverflowError, OSError):
        return None


def _headers(headers: Headers) -> list[tuple[str, str]]:
    return [(name.decode("utf-8", "replace"), value.decode("utf-8", "replace")) for name, value in headers.fields]
