"""What a machine that announces itself speaks, where its port does not tell: it is listened to, and asked one thing.

A machine of v1 pushes a report each second to whoever connects, so it is enough to connect and to wait. A gateway of v3
says nothing until it is asked, and refuses whoever asks without its token; the refusal is the answer. Nothing else is
sent. Anybody in the network may announce any address, so only addresses at home are tried, and not many of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from lmdecode.codec.speakers import dialects
from lmdecode.codec.v1 import PORT as V1_PORT
from lmdecode.codec.v3 import PORT as V3_PORT
from lmdecode.device.discovery import Found, generation_on

LISTEN: Final = 1.5
"""Seconds to wait for a report, which a machine of v1 sends each second, and for the answer to a question."""
_MOST: Final = 16  # machines that are tried; a house has one or two
_CONNECT: Final = 1.0  # s
_LARGEST: Final = 1024  # bytes of an answer; its head is enough
_OTHERS: Final = (b"www-authenticate: basic", b"www-authenticate: digest")  # a camera's or a router's question
_REFUSED: Final = (b"HTTP/1.1 401", b"HTTP/1.1 403", b"HTTP/1.0 401", b"HTTP/1.0 403")


async def with_generations(found: Sequence[Found], *, trusted: Collection[str] = ()) -> list[Found]:
    """Returns machines, each with the generation that shows, where it can be found out.

    Args:
        found: The machines. Those whose generation is known already are not asked.
        trusted: Addresses that the owner has named; others are tried only if they are of another computer at home.
    """
    unknown = [each for each in found if not each.generation and not each.bluetooth][:_MOST]
    shown = await asyncio.gather(*(_generation_of(each, trusted) for each in unknown))
    by_machine = dict(zip(map(id, unknown), shown, strict=True))
    return [replace(each, generation=by_machine.get(id(each), each.generation)) for each in found]


async def _generation_of(machine: Found, trusted: Collection[str]) -> str:
    """Returns the generation of a machine; "" if nothing shows it."""
    host = next((each for each in machine.addresses if each in trusted or _is_at_home(each)), None)
    if host is None:
        return ""
    if machine.port:
        return await generation_at(host, machine.port)
    for port in (V3_PORT, V1_PORT):
        if shown := await generation_at(host, port):
            return shown
    return ""


def _is_at_home(text: str) -> bool:
    """Whether an address is of another computer in a network of its owner's.

    >>> [_is_at_home(each) for each in ("192.168.1.7", "8.8.8.8", "127.0.0.1", "224.0.0.251", "nowhere")]
    [True, False, False, False, False]
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    kinds = (address.is_global, address.is_loopback, address.is_multicast, address.is_unspecified, address.is_reserved)
    return not any(kinds)


async def generation_at(host: str, port: int, *, seconds: float = LISTEN) -> str:
    """Returns the generation that answers at an address; "" if none does.

    Nothing is sent to the port of v1: that somebody listens there is enough. The port of v3 is asked at once. Any other
    is listened to first.

    Args:
        host: The address.
        port: The TCP port.
        seconds: How long to wait, for a report and for an answer.
    """
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(_CONNECT):
            reader, writer = await asyncio.open_connection(host, port)
        if generation_on(port) == "v1":
            return "v1"
        said = b"" if generation_on(port) == "v3" else await _heard(reader, seconds)
        if said:
            return "v1" if dialects()["v1"].sniff(said) else ""
        writer.write(f"GET /api/v1/config HTTP/1.1\r\nHost: {_bare(host)}\r\nConnection: close\r\n\r\n".encode("ascii"))
        answer = await _heard(reader, seconds)
    except (OSError, TimeoutError, ValueError):  # ValueError: an address of a network that this computer has not
        return ""
    finally:
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(0.2):
                    await writer.wait_closed()
    is_another = any(each in answer.lower() for each in _OTHERS)  # and must not be sent the key next
    return "v3" if answer.startswith(_REFUSED) and not is_another else ""


async def _heard(reader: asyncio.StreamReader, seconds: float) -> bytes:
    """Returns what comes first; b"" if nothing does in time."""
    try:
        async with asyncio.timeout(seconds):
            return await reader.read(_LARGEST)
    except TimeoutError:
        return b""


def _bare(host: str) -> str:
    host = host.partition("%")[0]
    return f"[{host}]" if ":" in host else host
