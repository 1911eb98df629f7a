"""The characteristics of a machine's Bluetooth, and what shows that a device is a machine.

A characteristic is known by its UUID, never by its handle or its service: handles differ between gateways, and the one
public table of both generations lists the newer characteristics under a standard service.
"""

from __future__ import annotations

import re
from typing import Final

SUFFIX: Final = "7847-e12b-09a8-b04b-8e0922a9abab"
"""How the UUIDs of the machines' own service and characteristics end."""
_BASE: Final = "-0000-1000-8000-00805f9b34fb"
_SHORT: Final = 2  # bytes of a UUID that the Bluetooth SIG gave
_LONG: Final = 16

OLD_LOGIN: Final = "090b"
"""Gateway v3: the app writes user, serial number and key. Source: lmcloud."""
OLD_SETTINGS: Final = "050b"
"""Gateway v3: the app writes settings."""
READ: Final = "0a0b"
"""Gateway v5: the app writes a name and a NUL, and reads the answer. Source: pylamarzocco and two other clients."""
COMMAND: Final = "0b0b"
"""Gateway v5: the app writes a command and a NUL, and reads what became of it."""
PAIRING: Final = "0c0b"
"""Gateway v5: the token, while the machine is in pairing mode."""
TOKEN: Final = "0d0b"  # noqa: S105 -- the name of a characteristic
"""Gateway v5: the app writes the token, and reads 01 if it was accepted."""
NOTIFIED: Final = "0e0b"
"""Newer gateways v5: what happens, as it happens. Source: a recording of a Linea Micra of 2026."""

NAMES: Final = {
    OLD_LOGIN: "login",
    OLD_SETTINGS: "settings",
    READ: "read",
    COMMAND: "command",
    PAIRING: "token",
    TOKEN: "token",
    NOTIFIED: "events",
    "2a00": "device name",
    "2a24": "model number",
    "2a25": "serial number",
    "2a26": "firmware revision",
    "2a27": "hardware revision",
    "2a28": "software revision",
    "2a29": "manufacturer",
}
"""What each is for, in a word or two."""
DEVICE_NAME: Final = "2a00"
SERIAL_NUMBER: Final = "2a25"
SECRET: Final = frozenset((OLD_LOGIN, PAIRING, TOKEN))
"""Those whose values are secret, though the answer to a token is none."""

QUERIES: Final = frozenset(
    ("machineMode", "machineCapabilities", "boilers", "tankStatus", "smartStandBy", "isPlumbedIn")
)
"""The names that are known to be asked for."""

_ADVERTISED: Final = re.compile(r"(?:MICRA|MINI|GS3AV|GS3|LINEAR|LINEA)[_ -]?[A-Za-z]{0,4}_?\d{4}")
_SERIAL: Final = re.compile(r"(?<![A-Z0-9])([A-Z]{2}\d{5,6})(?![0-9])")
# What nobody else's device would write or notify; each is the beginning of a whole value.
_PAYLOAD: Final = re.compile(
    rb"(?:" + "|".join(sorted(QUERIES)).encode() + rb")\0\Z"
    rb'|\{\s{0,9}"name"\s{0,9}:\s{0,9}"'
    rb'(?:MachineChangeMode|SettingBoilerTarget|SettingBoilerEnable|SettingSmartStand[bB]y)"'
    rb'|\[?\s{0,9}\{\s{0,9}"'
    rb"(?:Brewing(?:Started|Update|Stopped)|FlushStopped|CoffeeBoiler\d|SteamBoiler(?:Update|Heating)"
    rb'|MachineMode"|MachineStatistics"|MachineConfiguration"|SystemInfo")'
    rb'|\[\s{0,9}\{\s{0,9}"(?:id"\s{0,9}:\s{0,9}"(?:CoffeeBoiler1|SteamBoiler)"|family"\s{0,9}:)'
)
EVENT: Final = re.compile(
    rb'\[?\s{0,9}\{\s{0,9}"(?:Brewing|Flush|CoffeeBoiler|SteamBoiler|Machine|Sleep"|Group|Tea|HotWater|Tank|Water)'
)
"""How what is notified begins."""


def short_name(uuid: bytes) -> str:
    """Return what a UUID is called here: the first four digits of the machines' own and of the standard ones.

    Args:
        uuid: As ATT and advertisements have it: the last byte first, 2 or 16 bytes.

    >>> short_name(bytes.fromhex("252a")), short_name(bytes.fromhex("ababa922098e4bb0a8092be147780b0a"))
    ('2a25', '0a0b')
    """
    digits = uuid[::-1].hex()
    if len(uuid) != _LONG:
        return digits
    return short_name_of(f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}")


def short_name_of(text: str) -> str:
    """Return what a UUID is called here, as `short_name` does.

    Args:
        text: 32 digits with hyphens between them, as programs show it.

    >>> short_name_of("0000180A-0000-1000-8000-00805F9B34FB"), short_name_of("0a0b7847-e12b-09a8-b04b-8e0922a9abab")
    ('180a', '0a0b')
    """
    text = text.lower()
    if text.endswith(SUFFIX):
        return text[:4]
    return text[4:8] if text.startswith("0000") and text.endswith(_BASE) else text


def uuid_of(short: str) -> str:
    """Return the UUID that has a short name, with all its digits; any other text as it is.

    >>> uuid_of("0a0b"), uuid_of("2a25")
    ('0a0b7847-e12b-09a8-b04b-8e0922a9abab', '00002a25-0000-1000-8000-00805f9b34fb')
    """
    if len(short) != len(READ):
        return short
    return f"0000{short}{_BASE}" if short.startswith(("18", "2")) else f"{short}{SUFFIX}"


def is_machines(uuid: bytes) -> bool:
    """Return True for a UUID that only machines have, as ATT and advertisements have it: the last byte first.

    >>> is_machines(bytes.fromhex("ababa922098e4bb0a8092be147780ad3")), is_machines(bytes(2))
    (True, False)
    """
    return len(uuid) == _LONG and uuid[::-1].hex().endswith(SUFFIX.replace("-", ""))


def has_machines_uuid(pdu: bytes) -> bool:
    """Return True if an ATT PDU has a UUID that only machines have anywhere."""
    return _SUFFIX_BYTES in pdu


_SUFFIX_BYTES: Final = bytes.fromhex(SUFFIX.replace("-", ""))[::-1]


def is_machines_name(name: str) -> bool:
    """Return True for the name that a machine advertises.

    >>> [is_machines_name(each) for each in ("MICRA_MR012345", "GS3AV_GS012345", "MINI_SPEAKER")]
    [True, True, False]
    """
    return _ADVERTISED.match(name) is not None


def serial_in(name: str) -> str | None:
    """Return the serial number that a text has, such as a machine's name; None if it has none.

    >>> serial_in("MICRA_MR012345"), serial_in("MICRA")
    ('MR012345', None)
    """
    found = _SERIAL.search(name)
    return None if found is None else found[1]


def is_machines_value(value: bytes) -> bool:
    r"""Return True for a value that no other device would have.

    >>> is_machines_value(b"machineMode\0"), is_machines_value(b'{"name":"lamp"}')
    (True, False)
    """
    return _PAYLOAD.match(value) is not None
