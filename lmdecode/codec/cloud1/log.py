"""Debug logs of pylamarzocco 1 (to May 2025), the library of Home Assistant: what the first cloud answered.

    [pylamarzocco.clients.cloud] Getting new access token, data: {'username': …}
    [pylamarzocco.clients.cloud] Got new access token: {'access_token': …}
    [pylamarzocco.clients.cloud] Request to {'data': {'version': 'v1', …}, 'status': True} successful
    [pylamarzocco.clients.cloud] Checking status of command 5f0c…

The library writes the answer where it means to write the address, so the log has no address: what an answer is, its own
names say, and of which machine only the list of an owner's machines says, if it is in the log. Else `*` stands in the
path. lmcloud, the same library before, writes no answers of the cloud at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Final
from urllib.parse import urlencode

from lmdecode.codec.json_log import Entry, JsonLog, cut
from lmdecode.codec.log_literal import NoLiteralError, compact
from lmdecode.codec.record import Record
from lmdecode.codec.web import HttpRequest, HttpResponse, WebConversation

GATEWAY: Final = "gw-lmz.lamarzocco.io"
"""The host of nearly all calls."""
CLOUD: Final = f"{GATEWAY}:443"
"""The machine's end of the connection."""
_ACCOUNTS: Final = "cms.lamarzocco.io"
_HOME: Final = "/v1/home"
_ANY: Final = "*"
_MOST: Final = 2000  # characters of a status

_LOGIN, _REFRESH, _TOKEN, _ANSWER, _CHECK, _COMMAND = PHRASES = (
    "Getting new access token, data: ",
    "Refreshing access token, data: ",
    "Got new access token: ",
    "Request to ",
    "Checking status of command ",
    "Sending command ",
)
_LOGGER: Final = re.compile(rb"\b(?:DEBUG|INFO|WARNING|ERROR)\b[^\n]{0,80}\bpylamarzocco\.clients\.cloud\b")
_REFUSED: Final = re.compile(r"endpoint (https?://[^\s\v'\"<>\[\]]+) failed with status code (\d{3})")
_ID: Final = re.compile(r"\s*([\w-]{4,64})")
_PARAMS: Final = re.compile(r"[ \n]?([a-z_]{1,60}?) ?over ?cloud ?with ?params ?")
PATHS: Final = {
    "set_power": "status",
    "set_steam": "enable-boiler",
    "set_temp": "target-boiler",
    "set_prebrew_mode": "enable-preinfusion",
    "configure_pre_brew_infusion_time": "setting-preinfusion",
    "enable_plumbin": "enable-plumbin",
    "set_dose": "dose",
    "set_dose_hot_water": "dose-tea",
    "set_smart_standby": "smart-standby",
    "set_scale_target": "scale/target-dose",
}
"""What the library calls for a command of its own."""


def looks_like_log(start: bytes) -> bool:
    """Return True if a text has lines of such a log."""
    return _LOGGER.search(start) is not None


class Log(JsonLog):
    """What the log of one Home Assistant says of the cloud.

    Args:
        web: Takes the messages.
    """

    phrases: ClassVar = PHRASES
    words: ClassVar = (b"access token", b"Request to ")
    nothing = (
        "is a log of pylamarzocco without a message in it; "
        "log on level debug: in Home Assistant's configuration, logger: logs: pylamarzocco: debug"
    )

    def __init__(self, web: WebConversation) -> None:
        super().__init__()
        self._web = web
        self._serial = _ANY
        self._command: tuple[str, object] | None = None
        self._checked = ""

    def is_whole(self, phrase: str, said: str) -> bool:
        """Return True if an entry is as it was written."""
        return super().is_whole(phrase, said.removesuffix("\n").removesuffix(" successful"))

    def take(self, entry: Entry) -> Sequence[Record] | None:
        """Return the messages in an entry."""
        if entry.phrase == _CHECK:
            found = _ID.match(entry.text)
            self._checked = "" if found is None else found[1]
            return []
        if entry.phrase == _COMMAND:
            return self._intent(entry)
        refused = _REFUSED.match(entry.text) if entry.phrase == _ANSWER else None
        if refused is not None:
            return self._refused(entry, refused)
        return self._said(entry)

    def _said(self, entry: Entry) -> Sequence[Record] | None:
        try:
            found = entry.literal()
        except NoLiteralError:
            return None
        value = found.value
        if not isinstance(value, dict):
            return None
        if entry.phrase in {_LOGIN, _REFRESH}:
            return self._login(entry.time_ns, value)
        answer = HttpResponse(200, body=compact(value).encode("utf-8", "replace"), problems=cut(found))
        if entry.phrase == _TOKEN:
            return self._answered(entry.time_ns, answer)
        if "data" not in value and not found.is_cut:
            return None
        asked = self._asked(entry.time_ns, value.get("data"))
        return [*asked, *self._answered(entry.time_ns, answer)]

    def _intent(self, entry: Entry) -> Sequence[Record] | None:
        said = _PARAMS.match(entry.text)
        if said is None:
            return None
        try:
            self._command = said[1], entry.literal(said.end()).value
        except NoLiteralError:
            self._command = said[1], None
        return []

    def _login(self, time_ns: int, data: dict[str, object]) -> Sequence[Record]:
        kind = [("content-type", "application/x-www-form-urlencoded")]
        body = urlencode({name: str(each) for name, each in data.items()}, errors="replace").encode()
        return self._web.request(time_ns, HttpRequest("POST", _ACCOUNTS, "/oauth/v2/token", kind, body))

    def _answered(self, time_ns: int, answer: HttpResponse) -> Sequence[Record]:
        """Return an answer without the seconds that it took, since the log has not when it was asked for."""
        records = self._web.response(time_ns, answer)
        return [self._named(each)._replace(elapsed=None) for each in records]

    def _asked(self, time_ns: int, data: object) -> Sequence[Record]:
        """Return the request to which some data are an answer, as far as that can be known."""
        host, method, path = GATEWAY, "GET", _path(data)
        extra: dict[str, object] = {}
        if isinstance(data, dict) and "fleet" in data:
            host, path = _ACCOUNTS, "/api/customer"
            self._serial = _serial_in(data["fleet"]) or self._serial
        elif isinstance(data, dict) and "commandId" in data:
            command, self._command = self._command, None
            if command is None:
                path = "token-request"
            else:
                method, path = "POST", PATHS.get(command[0], command[0])
                extra = {command[0]: command[1]}
        elif isinstance(data, dict) and path is None and "status" in data and self._checked:
            path = f"{_HOME}/aws-proxy/{self._serial}/commands/{self._checked}"
        if path is None:
            return []
        whole = path if path.startswith("/") else f"{_HOME}/machines/{self._serial}/{path}"
        records = self._web.request(time_ns, HttpRequest(method, host, whole))
        return [self._named(each)._replace(extra={**each.extra, **extra}) for each in records]

    def _refused(self, entry: Entry, said: re.Match[str]) -> Sequence[Record] | None:
        host, _, path = said[1].partition("://")[2].partition("/")
        if not host.endswith(".lamarzocco.io") or host.startswith("lion."):
            return None
        asked = self._web.request(entry.time_ns, HttpRequest("GET", host, f"/{path}"))
        body = entry.text[said.end() : said.end() + _MOST].removeprefix("response:").strip()
        answer = HttpResponse(int(said[2]), body=body.encode("utf-8", "replace"))
        return [*asked, *self._answered(entry.time_ns, answer)]

    def _named(self, record: Record) -> Record:
        """A Record of a machine that is not known, as such."""
        return record._replace(machine=None) if record.machine == _ANY else record


def _path(data: object) -> str | None:
    """Return what was asked for, by the names in the answer; None if they do not say."""
    first = data[0] if isinstance(data, list) and data else data
    if not isinstance(first, dict):
        return None
    if "coffeeType" in first:
        return "statistics/counters"
    if "doseTea" in first or "doseContinous" in first:
        return "statistics/daily"
    if "machine_firmware" in first or "gateway_firmware" in first:
        return "firmware/"
    if "MACHINE_STATUS" in first:
        return "status"
    names = ("machineMode", "boilers", "machineCapabilities", "firmwareVersions", "TSET_COFFEE")
    return "configuration" if any(each in first for each in names) else None


def _serial_in(fleet: object) -> str | None:
    """Return the serial number of an owner's machine, if he has one alone."""
    machines = [each.get("machine") for each in fleet if isinstance(each, dict)] if isinstance(fleet, list) else []
    serials = [each.get("serialNumber") for each in machines if isinstance(each, dict)]
    return serials[0] if len(serials) == 1 and isinstance(serials[0], str) else None
