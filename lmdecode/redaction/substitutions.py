"""The table of what stands for what: each value of an owner's, and the made-up value in its place.

A made-up value depends on the kind of the value, on its shape, and on how many of its kind came before it: never on the
value itself. A hash of the value would not do. There are only a million serial numbers of a model, and whoever has the
hashes of all of them has the owner's.

So the first serial number of a Linea Micra is MR000001 in every copy, and the second one MR000002. Tokens and passwords
keep their length and their alphabet, since both are what a reader of a bug report wants to see. Three things follow:
the same file gives the same copy, a copy of a copy is the copy, and a value that happens to be a made-up one needs no
care, since the copy would be the same with any other.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import string
from collections import Counter
from enum import StrEnum
from typing import Final, NamedTuple


class Kind(StrEnum):
    """What a value is."""

    SERIAL = "serial number"
    MAC = "hardware address"
    IP = "IP address"
    NETWORK = "name of a Wi-Fi"
    NAME = "name"
    HOST = "name of a host"
    EMAIL = "e-mail address"
    SECRET = "token, key or password"  # noqa: S105 -- what it is called
    SIGNATURE = "signature"
    ID = "identifier"
    PLACE = "place"
    TEXT = "unknown text"

    __hash__ = str.__hash__


class Substitute(NamedTuple):
    """What stands for a value."""

    kind: Kind
    text: str


_SERIAL: Final = re.compile(r"([A-Za-z]{2})([0-9]{5,12})\Z").match
_MAC: Final = re.compile(r"[0-9A-Fa-f]{2}([:-]?)(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}\Z").match
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z").match
_TRIES: Final = 20
_LEAST_HEX: Final = 16
"""Digits, from which on a text of hexadecimal digits alone is taken for a number and not for letters."""
_HEX: Final = (("0123456789abcdef", frozenset("0123456789abcdef")), ("0123456789ABCDEF", frozenset("0123456789ABCDEF")))
_PUBLIC: Final = ("203.0.113.", "198.51.100.", "192.0.2.")
"""The addresses that are kept for documentation (RFC 5737), 254 in each network."""


def is_mac(text: str) -> bool:
    """Return whether a text is a hardware address.

    >>> is_mac("a4:cf:12:00:11:22"), is_mac("a4cf12001122"), is_mac("a4:cf:12")
    (True, True, False)
    """
    return _MAC(text) is not None


def is_uuid(text: str) -> bool:
    """Return whether a text is a UUID."""
    return _UUID(text) is not None


def is_serial(text: str) -> bool:
    """Return whether a text has the form of a serial number: two letters and digits.

    >>> is_serial("MR012345"), is_serial("gs012345"), is_serial("Sn1234567890"), is_serial("DoseA")
    (True, True, True, False)
    """
    return _SERIAL(text) is not None


def is_ip(text: str) -> bool:
    """Return whether a text is an IP address, of either version."""
    if text.count(".") != 3 and text.count(":") < 2:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


class Substitutions:
    """The substitutes of one file.

    >>> table = Substitutions()
    >>> table.of(Kind.SERIAL, "MR012345"), table.of(Kind.SERIAL, "GS065432"), table.of(Kind.NAME, "mr012345")
    ('MR000001', 'GS000001', 'mr000001')
    """

    def __init__(self) -> None:
        self._known: dict[str, Substitute] = {}
        self._numbers: Counter[str] = Counter()
        self._taken: set[str] = set()
        self.uses: Counter[Kind] = Counter()
        """How often a value of each kind was replaced."""

    @property
    def known(self) -> dict[str, Substitute]:
        """The substitutes of all values up to now, by the value as `_form` has it."""
        return self._known

    def values(self) -> Counter[Kind]:
        """Return how many different values of each kind there are."""
        return Counter(each.kind for each in self._known.values())

    def of(self, kind: Kind, value: str) -> str:
        """Return what stands for a value, and count it.

        Args:
            kind: What it is; the first kind that a value was said to be counts.
            value: The value; an empty one stays.
        """
        if not value:
            return value
        kind = _actual(kind, value)
        form = _form(kind, value)
        found = self._known.get(form)
        if found is None:
            found = self._known[form] = Substitute(kind, self._made_up(kind, form, value))
            self._taken.add(found.text)
        self.uses[found.kind] += 1
        return _spelled_like(value, found.text)

    def fix(self, kind: Kind, value: str, text: str) -> None:
        """Say what stands for a value, instead of what was made up for it."""
        self._known[_form(kind, value)] = Substitute(kind, text)
        self._taken.add(text)

    def _made_up(self, kind: Kind, form: str, value: str) -> str:
        text = value
        for _ in range(_TRIES):  # of short texts there may be fewer than there are values
            text = self._next(kind, form, value)
            if text not in self._taken:
                break
        return text

    def _next(self, kind: Kind, form: str, value: str) -> str:  # noqa: PLR0911 -- one form after the other
        if kind is Kind.MAC:
            return f"02{self._number(kind):010x}"
        if kind is Kind.SERIAL and (parts := _SERIAL(form)) is not None:
            return f"{parts[1]}{self._number(kind + parts[1]):0{len(parts[2])}}"
        if kind is Kind.IP:
            return self._address(form)
        if kind is Kind.EMAIL:
            return f"user{self._number(kind)}@example.com"
        if kind is Kind.NETWORK:
            return f"Wi-Fi {self._number(kind)}"
        if kind is Kind.HOST:
            return f"host-{self._number(kind)}"
        if kind is Kind.NAME:
            return f"name {self._number(kind)}"
        if kind is Kind.PLACE:
            return "Etc/UTC" if "/" in value else f"place {self._number(kind)}"
        if _UUID(form):
            return f"00000000-0000-4000-8000-{self._number('uuid'):012x}"
        shape = _shape(value)
        return shaped(f"{kind} {shape} {self._number(f'{kind} {shape}')}", value)

    def _number(self, family: str) -> int:
        self._numbers[family] += 1
        return self._numbers[family]

    def _address(self, text: str) -> str:
        address = ipaddress.ip_address(text)
        if address.is_loopback or address.is_unspecified or address.is_multicast:
            return text
        is_private = address.is_private and not any(text.startswith(each) for each in _PUBLIC)
        if address.version == 6:
            network = "fd00" if address.is_private and not text.startswith("2001:db8:") else "2001:db8"
            return f"{network}::{self._number('v6'):x}"
        number = self._number("private" if is_private else "public") - 1
        if is_private:
            return f"192.168.{number // 254 % 256}.{number % 254 + 1}"
        return f"{_PUBLIC[number // 254 % len(_PUBLIC)]}{number % 254 + 1}"


def shaped(seed: str, value: str) -> str:
    """Return a text of the same length and alphabet, made of a seed.

    >>> shaped("1", "Ab-12"), shaped("1", "0f" * 8)
    ('Vw-58', 'f6fbea04529d40b8')
    """
    stream = hashlib.shake_256(seed.encode()).digest(len(value))
    for alphabet, characters in _HEX:
        if len(value) >= _LEAST_HEX and characters.issuperset(value):
            return "".join(alphabet[byte % 16] for byte in stream)
    return "".join(_like(character, byte) for character, byte in zip(value, stream, strict=True))


def _like(character: str, byte: int) -> str:
    for alphabet in (string.digits, string.ascii_lowercase, string.ascii_uppercase):
        if character in alphabet:
            return alphabet[byte % len(alphabet)]
    return character if character.isascii() else string.ascii_lowercase[byte % 26]


def _shape(value: str) -> str:
    """Return the shape of a value: its length, and its alphabet as `shaped` keeps it."""
    if len(value) >= _LEAST_HEX and any(characters.issuperset(value) for _, characters in _HEX):
        return f"hex {len(value)}"
    return "".join(
        "0"
        if each in string.digits
        else "a"
        if each.islower() or not each.isascii()
        else "A"
        if each.isupper()
        else each
        for each in value
    )


def _actual(kind: Kind, value: str) -> Kind:  # noqa: PLR0911 -- one form after the other
    """Return what a value is, which its own form may say better than its name."""
    if _MAC(value) and any(mark in value for mark in ":-"):
        return Kind.MAC
    if "@" in value.strip("@") and kind in {Kind.SECRET, Kind.NAME, Kind.TEXT, Kind.EMAIL} and "." in value:
        return Kind.EMAIL
    if kind is Kind.EMAIL:
        return Kind.NAME
    if (kind is Kind.MAC and not _MAC(value)) or (kind is Kind.IP and not is_ip(value)):
        return Kind.SECRET
    if kind in {Kind.NAME, Kind.HOST, Kind.TEXT, Kind.ID} and _SERIAL(value):
        return Kind.SERIAL
    if kind in {Kind.NAME, Kind.TEXT, Kind.ID, Kind.SECRET} and is_ip(value):
        return Kind.IP
    return kind


def _form(kind: Kind, value: str) -> str:
    """Return a value in the one spelling by which the table knows it."""
    if kind is Kind.MAC:
        return value.replace(":", "").replace("-", "").lower()
    if kind is Kind.IP:
        return str(ipaddress.ip_address(value))
    if _SERIAL(value):
        return value[:2].upper() + value[2:] if value[:2].lower() != "sn" else value
    if _UUID(value) or "@" in value:
        return value.lower()
    return value


def _spelled_like(value: str, text: str) -> str:
    """Return a substitute in the spelling that the value has."""
    found = _MAC(value)
    if found is not None and found[1] and len(text) == 12:
        text = found[1].join(text[at : at + 2] for at in range(0, 12, 2))
    if found is not None or _SERIAL(value) or _UUID(value):
        return text.lower() if value.islower() else text.upper() if value.isupper() else text
    return text
