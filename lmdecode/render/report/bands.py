"""What was on when, and in which words the machine said how it was, as the page shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from lmdecode.analysis.timeline import Timeline
from lmdecode.codec.printable import printable


def milliseconds(time_ns: int) -> int:
    """Returns nanoseconds in whole milliseconds, as browsers count time.

    >>> milliseconds(1_795_229_755_174_158_000)
    1795229755174
    """
    return time_ns // 1_000_000


_WATCHED: Final = ("app connected", "connected")
_LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "power": ("switched on", "on"),
    "coffee_heater_on": ("coffee heater", "coffee"),
    "steam_heater_on": ("steam heater", "steam"),
    "pump_on": ("pump", "pump"),
    "brew_solenoid_on": ("group valve", "coffee"),
    "hot_water_solenoid_on": ("hot-water valve", "hot-water"),
    "boiler_fill_solenoid_on": ("boiler fill valve", "steam"),
    "reservoir_empty": ("reservoir empty", "bad"),
}
"""By band: its label, and its colour in page.css."""
_WORD_LABELS: Final[Mapping[str, str]] = {
    "machine_status": "machine",
    "coffee_boiler_status": "coffee boiler",
    "steam_boiler_status": "steam boiler",
    "steam_level": "steam level",
}
_LEVELS: Final[Mapping[str, str]] = {"1": "level 1", "2": "level 2", "3": "level 3"}
_WORD_COLOURS: Final[Mapping[str, str]] = {
    "Brewing": "coffee",
    "PoweredOn": "on",
    "Ready": "on",
    "HeatingUp": "key-2",
    "NoWater": "bad",
    "Off": "connected",
    "StandBy": "connected",
    "EcoMode": "connected",
    "1": "key-2",
    "2": "key-1",
    "3": "key-3",
}
"""By word, its colour in page.css."""


def bands_of(timeline: Timeline) -> Iterator[dict[str, object]]:
    """Yields what was on when, each with its label and colour; of a status word with the words."""
    label, color = _WATCHED
    connected = [[milliseconds(each.first_ns), milliseconds(each.last_ns)] for each in timeline.connections.values()]
    yield {"label": label, "color": color, "intervals": connected}
    for name, (label, color) in _LABELS.items():
        intervals = timeline.bands[name]
        if intervals or (name in timeline.watched and name == "power"):
            yield {
                "label": label,
                "color": color,
                "intervals": [
                    [milliseconds(interval.start_ns), milliseconds(interval.end_ns)] for interval in intervals
                ],
            }
    for name, words in timeline.words.intervals.items():
        yield {
            "label": _WORD_LABELS[name],
            "color": "on",
            "intervals": [[milliseconds(each.start_ns), milliseconds(each.end_ns)] for each in words],
            "words": [_LEVELS.get(each.word, printable(each.word)) for each in words],
            "colors": [_WORD_COLOURS.get(each.word, "water") for each in words],
        }


def bands_note(timeline: Timeline) -> str:
    """Returns how sure the bands are, in a sentence; "" if there is nothing to say."""
    polled = {name for name in timeline.watched if name.endswith("_on")}
    if timeline.words.intervals:
        return (
            "The words are the machine's own, which the cloud passes on some seconds late. The cloud has no measured "
            "temperatures, only those that are set."
        )
    if not polled:
        return ""
    return (
        "Heaters, pump and valves are as each status answer had them, until the next one: what switches in between "
        "does not show. The water is as the machine reports it while it flows."
    )
