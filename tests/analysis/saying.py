"""Records made by hand: what app and machine say of the memory."""

from __future__ import annotations

from typing import Any

from lmdecode.codec.record import Kind, Record, Role
from lmdecode.codec.v1.window import decode_window

SECOND = 1_000_000_000
START_NS = 1_795_230_000 * SECOND
APP, MACHINE = "192.168.1.150:36364", "192.168.1.215:1774"


def at(seconds: float) -> int:
    return START_NS + round(seconds * SECOND)


def said(
    seconds: float, address: int, data: str, *, role: Role = "report", kind: Kind = Kind.READ, **more: Any
) -> Record:
    """The machine tells some bytes, which may be masked: hex."""
    fields, problems = decode_window(address, bytes.fromhex(data.replace("**", "00")))
    more = {"problems": problems} | more
    size = len(data) // 2
    return Record(at(seconds), 0, "machine", MACHINE, APP, kind, role, address, size, data, "", fields, **more)


def wrote(seconds: float, address: int, data: str, **more: Any) -> Record:
    """The app asks for a write."""
    fields = decode_window(address, bytes.fromhex(data), written=True)[0]
    size = len(data) // 2
    return Record(at(seconds), 0, "app", APP, MACHINE, Kind.WRITE, "request", address, size, data, "", fields, **more)


def took(seconds: float, request: Record, *, ok: bool = True, **more: Any) -> Record:
    """The machine answers a write."""
    return Record(
        *(at(seconds), 0, "machine", MACHINE, APP, Kind.WRITE, "response", request.address, request.length),
        ok=ok,
        elapsed=(at(seconds) - request.time_ns) / SECOND,
        request=request,
        **more,
    )


def asked(seconds: float, address: int, size: int) -> Record:
    """The app asks for some bytes."""
    return Record(at(seconds), 0, "app", APP, MACHINE, Kind.READ, "request", address, size)
