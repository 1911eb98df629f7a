"""What the rows of the vocabulary share: the words of the maker's programs, and how a row is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from lmdecode.codec.confidence import Confidence
from lmdecode.codec.json_types import JsonFieldType, coded, flag, integer, number, word, words_of
from lmdecode.codec.vocabulary import Row

SEEN: Final = Confidence.SEEN
CLAIMED: Final = Confidence.CLAIMED
INFERRED: Final = Confidence.INFERRED

DOSES: Final[Mapping[str, int]] = {"DoseA": 1, "DoseB": 2, "DoseC": 3, "DoseD": 4}
"""The buttons of doses, and the numbers that they have in v1."""
DAYS: Final[Mapping[str, str]] = {
    "monday": "mon", "tuesday": "tue", "wednesday": "wed", "thursday": "thu", "friday": "fri", "saturday": "sat",
    "sunday": "sun",
}  # fmt: skip
"""The days of the week, and what they are called in v1's schedule."""

CELSIUS: Final = number(1)
SECONDS: Final = number(3)
"""Seconds with the milliseconds that the machine counts."""
TENTHS: Final = number(1)
COUNT: Final = integer()
FLAG: Final = flag()
POWER: Final = flag({"BrewingMode": True, "StandBy": False, "EcoMode": False})
KEY: Final = coded({**DOSES, "ContinuousDose": 5, "Continuous": 5})
MODEL: Final = word(
    {
        "GS3AV": "GS3 AV",
        "GS3MP": "GS3 MP",
        "GS3": "GS3",
        "LINEA": "Linea Mini",
        "LINEAMINI": "Linea Mini",
        "LINEAMINIR": "Linea Mini R",
        "MICRA": "Linea Micra",
        "LINEAMICRA": "Linea Micra",
        "STRADAX": "Strada X",
        "PICOG": "Pico",
        "PICOGRINDER": "Pico",
        "SWANGRINDER": "Swan",
    }
)
PREBREWING: Final = word(
    {
        "Disabled": "off",
        "Enabled": "prebrewing",
        "TypeA": "prebrewing",
        "PreBrewing": "prebrewing",
        "TypeB": "preinfusion",
        "PreInfusion": "preinfusion",
    }
)
STANDBY_AFTER: Final = words_of("PowerOn", "LastBrewing")
DOSE_MODE: Final = words_of(
    "PulsesType", "MassType", "BrewRatioType", "ManualType", "ProfileType", "Time", "Continuous", "Dose1", "Dose2"
)
STOP_TYPE: Final = words_of("Volume", "Volumetric", "Continuous")
STOP_REASON: Final = words_of("Manual")

POWER_NOTE: Final = "BrewingMode: true"
KEY_NOTE: Final = "the button: 1 to 4 for DoseA to DoseD, 5 for the paddle or the button without a dose"
ONE_PAIR: Final = "one pair of times for all buttons, as that of a Linea Mini in v1"
PREDICTION: Final = "a prediction"


def row(  # noqa: PLR0917 -- in the order in which people read one
    source: str,
    path: str,
    name: str,
    type: JsonFieldType,  # noqa: A002 -- the field's name in Row
    unit: str | None = None,
    sure: Confidence = SEEN,
    note: str = "",
) -> Row:
    """Return a row of a value that makes a field."""
    return Row(source=source, path=path, name=name, type=type, unit=unit, sure=sure, note=note)


def whole(source: str, path: str, note: str, sure: Confidence = SEEN) -> Row:
    """Return a row of a value that no field can have, and that is kept as it came."""
    return Row(source=source, path=path, name=None, type=None, sure=sure, note=note)


def aside(source: str, path: str, note: str = "", sure: Confidence = SEEN) -> Row:
    """Return a row of a value that tells a reader nothing."""
    return Row(source=source, path=path, name=None, type=None, sure=sure, note=note, aside=True)


def asides(source: str, above: str, names: str, note: str = "", sure: Confidence = SEEN) -> Iterator[Row]:
    """Yield rows of members that tell a reader nothing.

    Args:
        source: The kind of document.
        above: The path of the object that they are in, with its point; "" for the document itself.
        names: Their names, with blanks between them.
        note: What they are.
        sure: How sure we are of them.
    """
    for name in names.split():
        yield aside(source, above + name, note, sure)
