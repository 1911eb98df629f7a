"""What becomes of each value of a message: by its name, by its form, and by what was found elsewhere in the file."""

from __future__ import annotations

import re
from typing import Final

from lmdecode.codec.secrets import names_secret
from lmdecode.redaction.json_text import rewritten
from lmdecode.redaction.spellings import SURE, is_telling
from lmdecode.redaction.substitutions import (
    Kind,
    Substitutions,
    is_ip,
    is_mac,
    is_serial,
    is_uuid,
)
from lmdecode.redaction.words import (
    HARMLESS,
    MAKERS_PAGE,
    is_makers_text,
    is_word,
    known_words,
    known_words_folded,
    names_a_place,
    names_a_word,
)

_KINDS: Final = {
    "username": Kind.EMAIL,
    "email": Kind.EMAIL,
    "wifissid": Kind.NETWORK,
    "ssid": Kind.NETWORK,
    "mac": Kind.MAC,
    "bssid": Kind.MAC,
    "serialnumber": Kind.SERIAL,
    "serial_number": Kind.SERIAL,
    "serial": Kind.SERIAL,
    "machine_sn": Kind.SERIAL,
    "machinesn": Kind.SERIAL,
    "sn": Kind.SERIAL,
    "name": Kind.NAME,
    "nickname": Kind.NAME,
    "firstname": Kind.NAME,
    "lastname": Kind.NAME,
    "fullname": Kind.NAME,
    "surname": Kind.NAME,
    "timezone": Kind.PLACE,
    "zone": Kind.PLACE,
    "id": Kind.ID,
    "uuid": Kind.ID,
    "commandid": Kind.ID,
    "x-nonce": Kind.ID,
    "nonce": Kind.ID,
    "subscription": Kind.ID,
    "message-id": Kind.ID,
    "x-app-installation-id": Kind.ID,
    "installation_id": Kind.ID,
    "installationid": Kind.ID,
}
"""What members are, by their names in lower case. What is secret without standing here is a `Kind.SECRET`."""

_SERIALS: Final = re.compile(r"(?<![A-Za-z0-9])(?:[A-Z]{2}|[a-z]{2}|Sn)[0-9]{6,12}(?![A-Za-z0-9])")
_MEMBER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,80}\Z").match
_ADVERTISED: Final = re.compile(r"([A-Z][A-Z0-9]{1,10}_)([A-Z]{2}[0-9]{6,12})\Z").match
_BEARER: Final = re.compile(r"(Bearer |Basic )(.*)\Z", re.DOTALL).match
_LARGEST_PLAIN: Final = 10_000_000
_TIMES: Final = ((1_420_070_400, 2_051_222_400), (1_420_070_400_000, 2_051_222_400_000))
"""Seconds and milliseconds since 1970 of the years 2015 to 2034. Other numbers as long may be somebody's."""
_DEEPEST: Final = 8  # texts of JSON within each other
_EVERYWHERE: Final = frozenset(
    (Kind.SERIAL, Kind.MAC, Kind.IP, Kind.NETWORK, Kind.NAME, Kind.HOST, Kind.EMAIL, Kind.SECRET)
)


class Values:
    """A rule for texts of JSON, and for the other places where values stand.

    Args:
        table: What stands for what; it grows.
    """

    def __init__(self, table: Substitutions) -> None:
        self.table = table
        self.left_out = 0
        """Texts of which a part was not understood, and is left out."""
        self._depth = 0
        self._net: re.Pattern[str] | None = None

    def close_net(self) -> None:
        """All secrets are known: from now on each of them is replaced wherever it stands."""
        found = sorted((each for each in _plain(self.table)), key=len, reverse=True)
        if found:
            self._net = re.compile("|".join(_bounded(each) for each in found))

    # The rule of `json_text`.

    def key(self, name: str) -> str:
        """Return what becomes of the name of a member. A name may be a value: a serial number, an address."""
        if _MEMBER(name) is None or is_serial(name) or is_mac(name):
            return self.text("", name)
        return self.caught(name)

    def text(self, name: str, value: str) -> str:  # noqa: PLR0911 -- one question after the other
        """Return what becomes of a text.

        Args:
            name: Of the member whose value it is; "" if it has none.
            value: The text.
        """
        lower = name.lower()
        if not value:
            return value
        kind = _KINDS.get(lower, Kind.SECRET if names_secret(lower, value) else None)
        if kind is None and value.lstrip()[:1] in {"{", "["} and self._depth < _DEEPEST:
            return self.document(value)
        if kind in {Kind.NAME, Kind.ID} and value in known_words():
            return value
        if kind is Kind.SECRET:
            return self.secret(value)
        if kind is Kind.NAME:
            return self.name(value)
        if kind is not None:
            return self.table.of(kind, value)
        return self._unnamed(lower, value)

    def number(self, name: str, digits: str) -> str:
        """Return what becomes of a number, as it is written."""
        lower = name.lower()
        if names_secret(lower, 0.0) or (names_a_place(lower) and lower not in known_words_folded()):
            return self._other_number(digits)
        try:
            value = abs(float(digits))
        except (ValueError, OverflowError):
            return self._other_number(digits)
        if value <= _LARGEST_PLAIN or any(first <= value <= last for first, last in _TIMES):
            return self.caught(digits) if len(digits) >= SURE and "." not in digits else digits
        return self._other_number(digits)

    def _other_number(self, digits: str) -> str:
        made = self.table.of(Kind.TEXT, digits)
        return re.sub(r"(?<![0-9.])0(?=[0-9])", "1", made)  # a number does not begin with 0

    # What else has values.

    def document(self, text: str) -> str:
        """Return a text of JSON with its values replaced; what is damaged of it is left out."""
        self._depth += 1
        try:
            found = rewritten(text, self)
        finally:
            self._depth -= 1
        self.left_out += not found.is_whole
        return found.text

    def secret(self, value: str) -> str:
        """Return what becomes of a token, a key or a password; `Bearer` before it stays."""
        found = _BEARER(value)
        if found is not None:
            return found[1] + self.table.of(Kind.SECRET, found[2])
        return self.table.of(Kind.SECRET, value)

    def name(self, value: str) -> str:
        """Return what becomes of the name that somebody gave something; the model before a serial number stays."""
        found = _ADVERTISED(value)
        if found is not None:
            return found[1] + self.table.of(Kind.SERIAL, found[2])
        return self.table.of(Kind.NAME, value)

    def caught(self, text: str) -> str:
        """Return a text with everything replaced that was found to be secret elsewhere, and all serial numbers."""
        changed = _SERIALS.sub(lambda found: self.table.of(Kind.SERIAL, found[0]), text)
        if self._net is not None:
            changed = self._net.sub(lambda found: self.table.of(Kind.SECRET, found[0]), changed)
        return changed

    def _unnamed(self, name: str, value: str) -> str:  # noqa: PLR0911 -- as above
        """Return what becomes of a text that no name makes secret."""
        if HARMLESS(value) and names_a_place(name) and name not in known_words_folded():
            return self.table.of(Kind.TEXT, value)  # a latitude, a post code, a day of birth
        if value in known_words() or HARMLESS(value):
            return value
        if is_uuid(value):
            return self.table.of(Kind.ID, value)
        if is_serial(value):
            return self.table.of(Kind.SERIAL, value)
        if is_mac(value) and any(mark in value for mark in ":-"):
            return self.table.of(Kind.MAC, value)
        if is_ip(value):
            return self.table.of(Kind.IP, value)
        if MAKERS_PAGE(value) or is_makers_text(name, value) or (names_a_word(name) and is_word(value)):
            return self.caught(value)
        return self.table.of(Kind.TEXT, value)


def _plain(table: Substitutions) -> set[str]:
    """Return the values that are replaced everywhere, in the spellings of plain text."""
    found: set[str] = set()
    made = {each.text for each in table.known.values()}
    for value, substitute in table.known.items():
        if substitute.kind not in _EVERYWHERE or value in made or not is_telling(value):
            continue
        found |= {value, value.lower(), value.upper()}
        if substitute.kind is Kind.MAC:
            pairs = [value[at : at + 2] for at in range(0, len(value), 2)]
            for each in (pairs, pairs[::-1]):
                for mark in ("", ":", "-"):
                    found |= {mark.join(each), mark.join(each).upper()}
    return found


def _bounded(value: str) -> str:
    """Return a pattern for a value; a short one counts only as a word of its own."""
    pattern = re.escape(value)
    return pattern if len(value) >= SURE else rf"(?<![A-Za-z0-9_]){pattern}(?![A-Za-z0-9_])"
