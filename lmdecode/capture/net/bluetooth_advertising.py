"""What a device says of itself when it advertises: its name, and its services."""

from __future__ import annotations

from typing import Final

from lmdecode.codec.bluetooth.characteristics import is_machines

_SHORT_NAME, _WHOLE_NAME = 0x08, 0x09
_SERVICES: Final = frozenset((0x06, 0x07))
"""Some, or all, of the services with UUIDs of 16 bytes."""
_SERVICE_DATA: Final = 0x21
_UUID: Final = 16


def advertised(data: bytes) -> tuple[str, bool]:
    """Return what advertising data say: a name, "" if there is none, and whether there is a machine's service.

    Args:
        data: Structures, each with its length before it.

    >>> advertised(bytes.fromhex("020106" "0f09") + b"MICRA_MR012345")
    ('MICRA_MR012345', False)
    """
    name = ""
    is_ours = False
    at = 0
    while at + 1 < len(data) and data[at]:
        kind, value = data[at + 1], data[at + 2 : at + 1 + data[at]]
        if kind == _WHOLE_NAME or (kind == _SHORT_NAME and not name):
            name = value.decode("utf-8", "replace").rstrip("\0")
        elif kind in _SERVICES:
            is_ours = is_ours or any(is_machines(value[each : each + _UUID]) for each in range(0, len(value), _UUID))
        elif kind == _SERVICE_DATA:
            is_ours = is_ours or is_machines(value[:_UUID])
        at += 1 + data[at]
    return name, is_ours
