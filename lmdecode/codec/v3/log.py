"""Debug logs of lmcloud and of pylamarzocco 1 (2023 to May 2025): what the gateway pushes in the local network.

    [lmcloud.lm_machine] Received message from websocket, message [{"CoffeeBoiler1UpdateTemperature":93.5}]
    [pylamarzocco.clients.local] Received websocket message: WSMessage(type=<WSMsgType.TEXT: 1>, data='[{"Mach…
    [lmcloud.lm_machine] Message: [{"TankStatus":"empty"}]
    [lmcloud.lmcloud] Received data from websocket, property updated: coffee_temp with value: 93.5

The libraries write one text up to four times: as it came, in its handler, and with a warning if they do not know it.
These are one message. The earliest, lmcloud 0, writes no text but a name of its own and the value; they are read as the
text that the library had made them of. What is asked for over HTTP is in none of these logs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Final

from lmdecode.codec.json_log import Entry, JsonLog, cut
from lmdecode.codec.log_literal import NoLiteralError, compact, read_literal
from lmdecode.codec.record import Record
from lmdecode.codec.web import WebConversation

_FRAME, _HANDLED, _UNKNOWN, _WRONG, _PROPERTY, _MESSAGE = PHRASES = (
    "Received websocket message: ",
    "Received message from websocket, message ",
    "Unknown websocket message: ",
    "Error when parsing websocket message: ",
    "property updated: ",
    "Message: ",
)
_LOGGER: Final = re.compile(
    rb"\b(?:DEBUG|INFO|WARNING|ERROR)\b[^\n]{0,80}\b(?:lmcloud\.|pylamarzocco\.(?:lm_machine|devices\.machine|clients\.local)\b)"
)
_DATA: Final = re.compile(r"\s*WSMessage\w{0,20}\([^\v]{0,80}?data=(['\"])")
_VALUE: Final = re.compile(r"\s*(\w{1,60}) with value: ")
_NAMES: Final = {
    "coffee_temp": "CoffeeBoiler1UpdateTemperature",
    "steam_temp": "SteamBoilerUpdateTemperature",
    "coffee_set_temp": "CoffeeBoiler1UpdateSetPoint",
    "steam_set_temp": "SteamBoilerUpdateSetPoint",
    "steam_boiler_enable": "SteamBoilerEnabled",
    "brew_active_duration": "BrewingUpdateGroup1Time",
    "statistics": "MachineStatistics",
}
"""What lmcloud 0 calls the values, and what the gateway does."""
_MODES: Final = {True: "BrewingMode", False: "StandBy"}
_AGAIN_NS: Final = 200_000_000  # within which a text is written again


def looks_like_log(start: bytes) -> bool:
    """Return True if a text has lines of such a log."""
    return _LOGGER.search(start) is not None


class Log(JsonLog):
    """What the log of one Home Assistant says of the gateway.

    Args:
        web: Takes the messages.
    """

    phrases: ClassVar = PHRASES
    words: ClassVar = (b"lmcloud", b"from websocket, ")
    nothing = (
        "is a log of lmcloud without a message in it; "
        "log on level debug: in Home Assistant's configuration, logger: logs: lmcloud: debug"
    )

    def __init__(self, web: WebConversation) -> None:
        super().__init__()
        self._web = web
        self._last: tuple[int, str, str] = (0, "", "")

    def is_whole(self, phrase: str, said: str) -> bool:
        """Return True if an entry is as it was written."""
        if phrase == _FRAME:
            data = _DATA.match(said)
            if data is None or not said.rstrip().endswith(")"):
                return False
            try:
                found = read_literal(said, data.end() - 1)
            except NoLiteralError:
                return False
            return isinstance(found.value, str) and not found.is_cut and super().is_whole(phrase, found.value)
        return phrase in {_HANDLED, _UNKNOWN, _MESSAGE} and super().is_whole(phrase, said)

    def take(self, entry: Entry) -> Sequence[Record] | None:
        """Return the messages in an entry."""
        if entry.phrase == _PROPERTY:
            return self._property(entry)
        text, at, is_plain = entry.text, 0, entry.is_plain
        data = _DATA.match(text)
        if data is not None:
            at = data.end()
            if not is_plain:
                text, at = str(read_literal(text, at - 1).value), 0
        try:
            found = read_literal(text, at, is_plain=is_plain)
        except NoLiteralError:
            return None
        value = found.value
        is_ours = isinstance(value, dict) or (isinstance(value, list) and all(isinstance(each, dict) for each in value))
        if not is_ours or not value:
            return None
        # Python's own way of writing is no text of the gateway; what was changed on the way is written anew as well.
        said = text[at : found.end].strip() if not is_plain and entry.phrase != _UNKNOWN else compact(value)
        return self._pushed(entry, said, compact(value), cut(found))

    def _pushed(self, entry: Entry, text: str, value: str, problems: Sequence[str] = ()) -> Sequence[Record]:
        time_ns, phrase, before = self._last
        self._last = entry.time_ns, entry.phrase, value
        if phrase != entry.phrase and value == before and 0 <= entry.time_ns - time_ns <= _AGAIN_NS:
            return []
        return self._web.message(entry.time_ns, "machine", text.encode("utf-8", "replace"), problems=problems)

    def _property(self, entry: Entry) -> Sequence[Record] | None:
        said = _VALUE.match(entry.text)
        if said is None:
            return None
        try:
            found = entry.literal(said.end())
        except NoLiteralError:
            return None
        name, value = said[1], found.value
        item: dict[str, object] = {_NAMES.get(name, name): value}
        if name == "power" and isinstance(value, bool):
            item = {"MachineMode": _MODES[value]}
        elif name in {"machineConfiguration", "systemInfo"}:
            item = {f"{name[0].upper()}{name[1:]}": compact(value)}
            text = compact(item)
            return self._pushed(entry, text, text, cut(found))
        text = compact([item])
        return self._pushed(entry, text, text, cut(found))
