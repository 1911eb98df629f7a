"""The fields of a packet's layers, in all names and forms in which tshark exports them.

- `-T json`: `layers["tcp"]["tcp.srcport"]`, a text; a list of texts if the packet has the field several times.
- `-T ek`: `layers["tcp"]["tcp_tcp_srcport"]`. A dot means nesting to Elasticsearch, so tshark replaces it and puts the
  layer's name in front. Its own `-e`, and other tools, put it there only once: `tcp_srcport`.
- `-e`: without layers: `layers["tcp.srcport"]` or `layers["tcp_srcport"]`, a list.
- `-j`: `{"filtered": name}` in place of a layer that was not asked for.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

_REASSEMBLED: Final = ("segments", "reassembled.length", "reassembled.data", "reassembled_in")
_TCP_ONLY: Final = (("tcp", "len"), ("tcp", "seq"), ("tcp", "flags"), ("tcp", "payload"), ("data", "data"))
_EPOCH: Final = re.compile(r"(-?)(\d{1,14})(?:\.(\d{0,9})\d*)?")
_ISO_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?(Z|[+-]\d\d:?\d\d)")

# frame.time, which is made for people: "Nov 21, 2026 02:54:39.728783000 UTC", the day with a blank in place of a 0.
# Months are English everywhere; zones have the system's names, which on Windows are in the user's language.
_PRINTED_TIME: Final = re.compile(
    r"(?:\([^()]*\))? *([A-Z][a-z]{2}) {1,2}(\d{1,2}), (\d{4}) (\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?: (.{1,60}))?"
)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OFFSET: Final = re.compile(r"(?:UTC|GMT)?([+-]\d\d):?(\d\d)?")
_UTC: Final = frozenset(("UTC", "GMT", "Z", "Etc/UTC", "Coordinated Universal Time"))


class LackingError(Exception):
    """A field that was left out of the export; the text is its name."""


@cache
def _names(layer: str, name: str) -> tuple[str, str, str]:
    dotted = f"{layer}.{name}"
    single = dotted.replace(".", "_")
    return dotted, f"{layer}_{single}", single


def field(layers: dict[str, Any], layer: str, name: str) -> str | None:
    """A field's value; None if the packet does not have it.

    Args:
        layers: The packet's layers.
        layer: The field's layer.
        name: The field's name without the layer.

    Returns:
        The last value if there are several: that of the innermost layer.

    Raises:
        LackingError: The packet has the field, but it was left out of the export.
        TypeError: It is not a value.
    """
    holder = layers.get(layer)
    if isinstance(holder, list):
        holder = holder[-1]
    if not isinstance(holder, dict):
        holder = layers
    for key in _names(layer, name):
        value = holder.get(key)
        if value is not None:
            break
    else:
        return None
    if isinstance(value, list):
        value = value[-1]
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict) and "filtered" in value:
        raise LackingError(f"{layer}.{name}")
    raise TypeError(name)


def needed(layers: dict[str, Any], layer: str, name: str) -> str:
    """A field's value.

    Raises:
        LackingError: The packet does not have it.
        TypeError: It is not a value.
    """
    value = field(layers, layer, name)
    if value is None:
        raise LackingError(f"{layer}.{name}")
    return value


def _stands(layers: dict[str, Any], layer: str, name: str) -> bool:
    """Return True if a field, or a tree of fields, of that name is in the packet."""
    holder = layers.get(layer)
    if isinstance(holder, list):
        holder = holder[-1]
    names = _names(layer, name)
    return any(key in layers or (isinstance(holder, dict) and key in holder) for key in names)


def time_ns(text: str) -> int:
    """A time as tshark prints it, in nanoseconds since 1970: seconds since 1970 or, by newer versions, ISO 8601.

    >>> time_ns("1700000000.000000001"), time_ns("2023-11-14T22:13:20Z")
    (1700000000000000001, 1700000000000000000)

    Raises:
        ValueError, OverflowError: It is not a time.
    """
    digits = text.replace(".", "", 1)
    if len(text) == 20 and text[10] == "." and digits.isdecimal():  # as nearly all are
        return int(digits)
    epoch = _EPOCH.fullmatch(text)
    if epoch is not None:
        sign, seconds, fraction = epoch.groups(default="")
        return int(f"{sign}{seconds}{fraction.ljust(9, '0')}")
    iso = _ISO_TIME.fullmatch(text)
    if iso is None:
        raise ValueError
    day, clock, fraction, zone = iso.groups(default="")
    moment = int(datetime.fromisoformat(f"{day}T{clock}{zone}").timestamp())
    return moment * 1_000_000_000 + int(fraction.ljust(9, "0"))


def printed_time(text: str) -> tuple[int, str] | None:
    """A time as tshark prints it for people.

    A zone's name (IST, CST) can stand for several offsets, so the time of a zone that is neither UTC nor an offset is
    taken for UTC.

    >>> printed_time("Nov 21, 2026 02:55:55.168581000 UTC")
    (1795229755168581000, '')
    >>> printed_time("Nov 20, 2026 21:55:55.168581000 EST")
    (1795211755168581000, 'EST')

    Returns:
        Nanoseconds since 1970, and the zone if it was taken for UTC, else an empty text. None if it is not a time.
    """
    printed = _PRINTED_TIME.fullmatch(text)
    try:
        if printed is None:
            return time_ns(text), ""
        month, day, year, hour, minute, second, fraction, zone = printed.groups(default="")
        moment = datetime(
            int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second), tzinfo=UTC
        )
        offset = _OFFSET.fullmatch(zone)
        if offset is not None:
            moment = moment.replace(tzinfo=datetime.strptime(f"{offset[1]}{offset[2] or '00'}", "%z").tzinfo)
    except (ValueError, OverflowError):
        return None
    seconds = int(moment.timestamp())
    is_known = offset is not None or zone in _UTC
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0")), "" if is_known else zone or "none"


def ports_of(layers: dict[str, Any]) -> tuple[int, int] | None:
    """Source and destination port of TCP; None if the packet has no TCP.

    Raises:
        LackingError: They were left out of the export.
        ValueError: They are not numbers.
    """
    source = field(layers, "tcp", "srcport")
    if source is not None:
        return int(source), int(needed(layers, "tcp", "dstport"))
    if "udp" in layers or _stands(layers, "udp", "srcport"):
        return None
    if "tcp" in layers or any(_stands(layers, layer, name) for layer, name in _TCP_ONLY):
        raise LackingError("tcp.srcport")
    return None


def addresses_of(layers: dict[str, Any]) -> tuple[str, str]:
    """Source and destination address, of the innermost IP header if there is a tunnel.

    Raises:
        LackingError: They were left out of the export.
    """
    for name in reversed(layers):
        protocol = name.partition(".")[0].partition("_")[0]
        if protocol in ("ip", "ipv6"):
            source = field(layers, protocol, "src")
            if source is not None:
                return source, needed(layers, protocol, "dst")
    raise LackingError("ip.src")


def payload_of(layers: dict[str, Any], length: int | None) -> bytes | None:
    """A segment's payload, out of one of the fields that can have it; None if none has.

    A field with the bytes of several segments together is not taken, since they would then come twice.
    """
    digits = field(layers, "tcp", "payload")
    if digits is not None:
        return _unhex(digits)
    digits = field(layers, "tcp", "segment_data")  # there can be several, each a part of the payload
    if digits is not None:
        payload = _unhex(digits)
        if length is None or len(payload) == length:
            return payload
    if any(_stands(layers, "tcp", name) for name in _REASSEMBLED):
        return None
    digits = field(layers, "data", "data")
    payload = b"" if digits is None else _unhex(digits)
    return None if digits is None or (length is not None and len(payload) > length) else payload


def _unhex(digits: str) -> bytes:
    return bytes.fromhex(digits.replace(":", ""))
