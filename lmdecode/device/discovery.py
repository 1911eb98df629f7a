"""Discovery of machines that announce themselves on the network by mDNS. Needs zeroconf."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from lmdecode.codec.dialect import MDNS_SERVICE
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.speakers import dialects
from lmdecode.extras import install_command

if TYPE_CHECKING:
    from zeroconf import ServiceStateChange, Zeroconf
    from zeroconf.asyncio import AsyncServiceInfo

_SHORTEST: Final = 0.2  # s to wait for the address of a name, however late the name came


class DiscoveryError(LmdecodeError):
    """The network cannot be searched; one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Found:
    """A machine as it announces itself. Anybody in the network may have sent any of these texts."""

    name: str
    host: str = ""
    """Its host name; "" if it did not tell."""
    addresses: tuple[str, ...] = ()
    """The IPv4 addresses first."""
    port: int = 0
    properties: Mapping[str, str] = field(default_factory=dict)
    """Its properties (its TXT record); bytes that are not UTF-8 as `hex:…`."""
    generation: str = ""
    """The dialect that it speaks there; "" if that is not known."""
    bluetooth: str = ""
    """Its Bluetooth address, if that is how it was found: on macOS a UUID that this computer has given it."""
    rssi: int | None = None
    """The strength of its Bluetooth signal in dBm; None if it is not known."""


async def discover(seconds: float, *, interfaces: Sequence[str] = ()) -> list[Found]:
    """Looks for machines.

    Args:
        seconds: How long.
        interfaces: This computer's addresses whose networks are searched; none: all networks.

    Raises:
        DiscoveryError: The network cannot be searched, or zeroconf is not installed.
    """
    try:
        from zeroconf import DNSQuestionType, Error, InterfaceChoice  # noqa: PLC0415 -- optional
        from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf  # noqa: PLC0415 -- as above
    except ImportError:
        raise DiscoveryError(
            f"looking for machines needs zeroconf, which is not installed: {install_command('live')}"
        ) from None
    logging.getLogger("zeroconf").setLevel(logging.CRITICAL)  # errors become one line of ours
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    resolving: dict[str, asyncio.Task[Found]] = {}

    def heard(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        del service_type, state_change  # a machine that has left meanwhile was there all the same
        if name not in resolving:
            resolving[name] = loop.create_task(_resolved(zeroconf, name, max(end - loop.time(), _SHORTEST)))

    try:
        zeroconf = AsyncZeroconf(interfaces=list(interfaces) or InterfaceChoice.All)
    except (OSError, Error, RuntimeError, ValueError) as error:
        raise DiscoveryError(_why_not(error, interfaces)) from None
    try:
        # QM asks for answers to everybody. An answer to this computer alone may reach another program on the same port.
        browser = AsyncServiceBrowser(
            zeroconf.zeroconf, MDNS_SERVICE, handlers=[heard], question_type=DNSQuestionType.QM
        )
        await asyncio.sleep(seconds)
        await browser.async_cancel()
        found = await asyncio.gather(*resolving.values())
    finally:
        for task in resolving.values():
            task.cancel()
        await zeroconf.async_close()
    return sorted(
        (replace(each, generation=generation_on(each.port)) for each in found), key=lambda each: (each.name, each.port)
    )


def generation_on(port: int) -> str:
    """Returns the generation that a TCP port belongs to; "" if it belongs to none.

    >>> generation_on(1774), generation_on(8081), generation_on(80)
    ('v1', 'v3', '')
    """
    return next((name for name, dialect in dialects().items() if port in dialect.ports), "")


async def _resolved(zeroconf: Zeroconf, name: str, seconds: float) -> Found:
    from zeroconf import DNSQuestionType, Error  # noqa: PLC0415 -- as above
    from zeroconf.asyncio import AsyncServiceInfo  # noqa: PLC0415 -- as above

    label = name.removesuffix(f".{MDNS_SERVICE}")
    try:
        info = AsyncServiceInfo(MDNS_SERVICE, name)
        await info.async_request(zeroconf, seconds * 1000, question_type=DNSQuestionType.QM)
    except Error:  # not a valid name
        return Found(label)
    return Found(
        label,
        (info.server or "").removesuffix("."),
        tuple(sorted(_addresses(info), key=lambda each: ":" in each)),
        info.port or 0,
        {_text(name): "" if value is None else _text(value) for name, value in info.properties.items()},
    )


def _addresses(info: AsyncServiceInfo) -> list[str]:
    return list(dict.fromkeys(info.parsed_scoped_addresses()))


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return f"hex:{data.hex()}"


def _why_not(error: Exception, interfaces: Sequence[str]) -> str:
    why = getattr(error, "strerror", None) or error
    if interfaces:
        return f"cannot ask the network of {', '.join(interfaces)}: {why}: give addresses of this computer"
    return f"cannot ask the network: {why}: is this computer connected to one?"
