"""The rows of the vocabulary. What they mean is said in `vocabulary`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lmdecode.codec.confidence import Confidence
from lmdecode.codec.json_types import JsonFieldType, coded, flag, number
from lmdecode.codec.vocabulary import Row

SEEN, CLAIMED, INFERRED = Confidence.SEEN, Confidence.CLAIMED, Confidence.INFERRED

_POWER: Final = flag({"BrewingMode": True, "StandBy": False, "EcoMode": False})
_CELSIUS: Final = number(1)
_KEY: Final = coded({"DoseA": 1, "DoseB": 2, "DoseC": 3, "DoseD": 4, "ContinuousDose": 5, "Continuous": 5})


def _row(  # noqa: PLR0917 -- in the order in which people read one
    source: str,
    path: str,
    name: str | None,
    type: JsonFieldType | None = None,  # noqa: A002 -- the field's name in Row
    unit: str | None = None,
    sure: Confidence = SEEN,
    *,
    note: str = "",
    aside: bool = False,
) -> Row:
    return Row(source=source, path=path, name=name, type=type, unit=unit, sure=sure, note=note, aside=aside)


def _stream() -> Iterator[Row]:
    yield _row("stream", "CoffeeBoiler1UpdateTemperature", "coffee_temp", _CELSIUS, "°C")
    yield _row("stream", "SteamBoilerUpdateTemperature", "steam_temp", _CELSIUS, "°C")
    yield _row("stream", "MachineMode", "power", _POWER, note="BrewingMode: true")
    yield _row("stream", "BrewingStartedGroup1DoseIndex", "brew_started_key", _KEY)
    yield _row("stream", "BrewingUpdateGroup1Time", "flow_seconds", number(3), "s")
    yield _row("stream", "BrewingUpdateGroup1Ev", "brew_solenoid_on", flag())
    yield _row("stream", "BrewingUpdateGroup1Backflush", "backflush_on", flag())
    yield _row("stream", "BrewingStoppedGroup1Time", "brew_stopped_seconds", number(3), "s")
    yield _row("stream", "BrewingStoppedGroup1DoseIndex", "brew_stopped_key", _KEY)
    yield _row("stream", "FlushStoppedGroup1Time", "flush_stopped_seconds", number(3), "s")
    yield _row("stream", "FlushStoppedGroup1DoseIndex", "flush_stopped_key", _KEY)


def all_rows() -> Iterator[Row]:
    """Yield all rows."""
    yield from _stream()
