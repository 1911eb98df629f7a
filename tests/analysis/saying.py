"""Records made by hand: what app and machine say of the memory."""

from __future__ import annotations

from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.window import decode_window

SECOND = 1_000_000_000
START_NS = 1_795_230_000 * SECOND
APP, MACHINE = "192.168.1.150:36364", "192.168.1.215:1774"


def at(seconds):
    return START_NS + round(seconds * SECOND)


def said(seconds, address, data, *, role="report", kind=Kind.READ, **more):
    """The machine tells some bytes, which may be masked: hex."""
    fields, problems = decode_window(address, bytes.fromhex(data.replace("**", "00")))
    more = {"problems": problems} | more
    size = len(data) // 2
    return Record(at(seconds), 0, "machine", MACHINE, APP, kind, role, address, size, data, "", fields, **more)


def wrote(seconds, address, data, **more):
    """The app asks for a write."""
    fields = decode_window(address, bytes.fromhex(data), written=True)[0]
    size = len(data) // 2
    return Record(at(seconds), 0, "app", APP, MACHINE, Kind.WRITE, "request", address, size, data, "", fields, **more)


def took(seconds, address, size, *, ok=True, asked=None, **more):
    """The machine answers a write, that of the time `asked`."""
    elapsed = None if asked is None else seconds - asked
    return Record(
        *(at(seconds), 0, "machine", MACHINE, APP, Kind.WRITE, "response", address, size),
        ok=ok,
        elapsed=elapsed,
        **more,
    )


def asked(seconds, address, size):
    """The app asks for some bytes."""
    return Record(at(seconds), 0, "app", APP, MACHINE, Kind.READ, "request", address, size)
