"""The words of the protocols, which are nobody's: what may stay in a copy that is posted.

A text that is not here, and has none of the harmless forms below, is replaced even where nobody knows what it is. That
is the safe side: a word too few here costs a reader the name of a new mode, a word too many an owner's secret.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

_WORDS: Final = """
    BrewingMode StandBy EcoMode Standby GrindingMode ON OFF STANDBY Off On PoweredOn Brewing HeatingUp Ready NoWater
    CoffeeBoiler1 CoffeeBoiler2 CoffeeBoiler3 CoffeeBoiler SteamBoiler Group1 Group2 Group3 Group4
    DoseA DoseB DoseC DoseD DoseE Dose1 Dose2 Continuous ContinuousDose ByGroup ByDoseType
    PulsesType MassType ManualType TimeType RevType BrewRatioType ProfileType Volume Time Mass Manual Pulses
    AV_Group EP_Group MP_Group
    Enabled Disabled TypeA TypeB PreBrewing PreInfusion PreinfusionByDoseType
    weeklyScheduling smartWakeUpSleep PowerOn LastBrewing
    monday tuesday wednesday thursday friday saturday sunday
    GS3 GS3AV GS3MP LINEA LINEAMINI LINEAMINIR LINEAMICRA MICRA MINI STRADAX STRADA PICOG PICOGRINDER SWANGRINDER GB5
    Esp32 LinuxLM HOME_OR_DWELLING_SPACE HOME COMMERCIAL LineaMicra LineaMini LineaMiniR
    Recipe1 Recipe2 Recipe3 A B
    CoffeeMachine Grinder ScaleAcaiaLunar Gateway Machine File Updated ToUpdate Pending InProgress Success Error Timeout
    PENDING COMPLETED SUCCESS ERROR TIMEOUT FAILED success error failed
    Level1 Level2 Level3 Requested Cleaning Low Medium High Portafilter ByButton
    machine_firmware gateway_firmware full empty command manual true false True False None
    wlan0 wlan1 eth0 sta ap lo open WPA WPA2 WPA2_PSK WPA_PSK WPA3
    v1 auto application/json gzip utf-8
    refresh_token password client_credentials
"""
"""Those of enumerations, some with spellings of their own in a part of the machines."""

_MODELS: Final = ("LINEA MICRA", "LINEA MINI", "LINEA MINI 2023", "GS3 AV", "GS3 MP", "STRADA X", "PICO", "SWAN")
_NAMES: Final = """
    machineMode machineCapabilities boilers tankStatus smartStandBy isPlumbedIn MachineChangeMode SettingBoilerTarget
    SettingBoilerEnable SettingSmartstandby SettingSmartStandby TokenGet TimeStampUpdate
    KeepAlive Boilers BoilersTargetTemperature MachineMode WakeUp Sleep TankStatus GroupCapabilities PreinfusionSettings
    MachineStatistics SystemInfo MachineConfiguration SteamBoilerEnabled
"""
"""Those that stand as values of a member `name`: of Bluetooth's commands, and of the first Micras' stream."""

_OF_WORDS: Final = frozenset(
    "code type status mode modes index reason style level speed family hw model position action after day days dose "  # noqa: SIM905
    "unit state feature reset auth authmode result".split()
)
"""The last words in the names of members that hold one word of an enumeration."""
_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

MAKERS_PAGE: Final = re.compile(
    r"https?://(?:[a-z-]{1,30}\.)?lamarzocco\.(?:io|com)(?:/(?:[A-Za-z_.#-]|[0-9](?![0-9]{4})){0,200})*\Z"
).match
"""Returns a match for the address of a page or an image of the maker's, without a number that may be somebody's."""

_DIGEST: Final = re.compile(r"[0-9a-f]{32}(?:[0-9a-f]{32})?\Z").match
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}\Z").match
HARMLESS: Final = re.compile(
    r"(?:"
    r"[-+]?[0-9]{1,6}(?:\.[0-9]{1,20})?"  # a number as text
    r"|[0-9]{1,2}:[0-9]{1,2}(?::[0-9]{2})?"  # a time of day
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}"  # a date, and with the next line a moment
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
    r"|[vV]?[0-9]{1,3}(?:\.[0-9]{1,4}){1,2}(?:-?rc[0-9]{1,3})?"  # a version; four numbers are an address
    r")\Z"
).match
"""Returns a match for texts that say nothing of anybody: numbers, times, versions."""

_PLACES: Final = re.compile(
    r"(?:lat|lon|lng|geo|zip|postal|phone|mobile|birth|address|street|city|country)", re.IGNORECASE
)


@cache
def known_words() -> frozenset[str]:
    """Return the words that may stay wherever they stand."""
    from lmdecode.codec.vocabulary import rows  # noqa: PLC0415 -- the table is large

    found = {*_WORDS.split(), *_NAMES.split(), *_MODELS}
    for row in rows():
        found.update(re.findall(r"[A-Za-z_]\w+", row.path))
        found.update(row.type.words if row.type is not None else ())
    days = [each for each in found if each.endswith("day")]
    return frozenset({*found, *(each.title() for each in days), *(each.upper() for each in days)})


_FORMATS: Final = """
    log version creator name entries startedDateTime time connection request response method url httpVersion cookies
    headers queryString headersSize bodySize postData mimeType text status statusText content size redirectURL cache
    timings send wait receive _webSocketMessages type opcode data lmdecode redact
    Host Authorization Bearer Basic Content-Type Content-Length User-Agent Accept Upgrade websocket Connection
    keep-alive Sec-WebSocket-Key Sec-WebSocket-Accept Sec-WebSocket-Version Sec-WebSocket-Protocol X-Timestamp X-Nonce
    X-App-Installation-Id X-Request-Signature X-Request-Proof HTTP/1.1 application/x-www-form-urlencoded charset
    CONNECT CONNECTED SUBSCRIBE UNSUBSCRIBE MESSAGE destination subscription message-id accept-version heart-beat
    api customer-app things dashboard settings scheduling stats command auth init signin refreshtoken update-fw
    streaming config home machines configuration statistics counters daily firmware token-request aws-proxy oauth
    DEBUG MainThread lmdirect connection Sending with None Message Data Command Succeeded Failed Unexpected response
    pylamarzocco clients _cloud cloud local Request successful Response Received websocket message WSMessage WSMsgType
    extra Getting new access token Got Checking status of command over params endpoint failed with status code
    La Marzocco lamarzocco.io lamarzocco.com example.com client_conn server_conn peername sockname timestamp_start
    timestamp_end timestamp_created certificate_list alpn cipher tls_version websocket messages from_client is_text
"""
"""What stands in copies of each format around the messages."""


@cache
def known_text() -> str:
    """Return all that stands in any copy, in lower case: a value that is a part of it cannot be told from it."""
    from lmdecode.codec.speakers import cloud_hosts  # noqa: PLC0415 -- beside its only use

    return "\n".join((_FORMATS, *known_words(), *cloud_hosts())).casefold()


@cache
def known_words_folded() -> frozenset[str]:
    """Return the same words in lower case: a value that is one of them cannot be told from the protocol's word."""
    return frozenset(each.casefold() for each in known_words())


def is_makers_text(name: str, value: str) -> bool:
    """Return whether a text is the maker's own, of all machines of a kind: what is new in a firmware, and its digest.

    >>> is_makers_text("changeLog", "minor improvements"), is_makers_text("md5", "0f" * 16)
    (True, True)
    """
    return name.lower() == "changelog" or (name.lower() == "md5" and _DIGEST(value) is not None)


def is_word(text: str) -> bool:
    """Return whether a text has the form of a word of an enumeration.

    >>> is_word("BrewingMode"), is_word("my kitchen")
    (True, False)
    """
    return _WORD(text) is not None


def names_a_word(name: str) -> bool:
    """Return whether the member of a name holds a word of an enumeration.

    >>> names_a_word("stopReason"), names_a_word("ownerName"), names_a_word("postcode"), names_a_word("zipCode")
    (True, False, False, False)
    """
    parts = [each.lower() for each in _PARTS.findall(name[:200])]
    return bool(parts) and (parts[-1] in _OF_WORDS or parts[0] == "available") and not names_a_place(name)


def names_a_place(name: str) -> bool:
    """Return whether a name says where somebody is, or how to reach them.

    >>> names_a_place("latitude"), names_a_place("target")
    (True, False)
    """
    return _PLACES.search(name) is not None
