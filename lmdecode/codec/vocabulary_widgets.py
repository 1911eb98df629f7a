"""The rows of lion's widgets: what a machine is doing, and what it is set to. Temperatures in them are targets only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lmdecode.codec.json_types import MOMENT, TEXT, JsonFieldType, coded, flag, number, words_of
from lmdecode.codec.vocabulary import Row
from lmdecode.codec.vocabulary_words import (
    CELSIUS,
    CLAIMED,
    COUNT,
    DOSE_MODE,
    DOSES,
    FLAG,
    INFERRED,
    KEY,
    KEY_NOTE,
    ONE_PAIR,
    POWER,
    POWER_NOTE,
    PREBREWING,
    PREDICTION,
    SECONDS,
    SEEN,
    TENTHS,
    aside,
    asides,
    row,
    whole,
)

_SOURCE: Final = "widget"
_MACHINE: Final = words_of("Off", "StandBy", "PoweredOn", "Brewing", "EcoMode")
_BOILER: Final = words_of("StandBy", "HeatingUp", "Ready", "NoWater", "Off", "EcoMode")
LEVEL: Final = coded({"Level1": 1, "Level2": 2, "Level3": 3})
LEVEL_NOTE: Final = "1 to 3 stand for 126, 128 and 131 °C"
GRINDING: Final = flag({"GrindingMode": True, "PoweredOn": True, "StandBy": False})
GRIND_WITH: Final = words_of("Portafilter", "ByButton")
GRINDER_DOSES: Final[tuple[tuple[str, str, str], ...]] = (
    ("TimeType", "grinder_seconds_k", "s"),
    ("MassType", "grinder_grams_k", "g"),
)
GROUP_DOSES: Final[tuple[tuple[str, str, str, JsonFieldType], ...]] = (
    ("PulsesType", "dose_k", "pulses", COUNT),
    ("MassType", "dose_grams_k", "g", TENTHS),
)
RATIO: Final = number(2)
"""The weight of the coffee in the cup by that of the ground coffee."""


def widget_rows() -> Iterator[Row]:
    """Yield the rows."""
    for code in ("CMMachineStatus", "CMMachineGroupStatus"):
        yield from _status(f"{code}.")
    yield from _boilers()
    yield from _prebrewing()
    yield from _before_prebrewing()
    yield from _doses()
    yield from _cleaning()
    yield row(_SOURCE, "CMNoWater.allarm", "water_reservoir_contact", flag(inverted=True), note="true: no water")
    yield row(_SOURCE, "ThingScale.name", "scale_name", TEXT)
    yield row(_SOURCE, "ThingScale.connected", "scale_connected", FLAG)
    yield row(_SOURCE, "ThingScale.batteryLevel", "scale_battery", COUNT, "%")
    yield row(_SOURCE, "ThingScale.calibrationRequired", "scale_calibration_required", FLAG)
    yield aside(_SOURCE, "ThingScale.forceConnectSupported")
    yield from _grinder()


def _status(above: str) -> Iterator[Row]:
    yield row(_SOURCE, f"{above}status", "machine_status", _MACHINE)
    yield row(_SOURCE, f"{above}mode", "power", POWER, note=POWER_NOTE)
    yield aside(_SOURCE, f"{above}availableModes")
    yield row(_SOURCE, f"{above}nextStatus.status", "next_status", _MACHINE)
    note = f"{PREDICTION}; a machine in standby may still name standby"
    yield row(_SOURCE, f"{above}nextStatus.startTime", "next_status_time", MOMENT, note=note)
    note = "null on one machine through a whole shot"
    yield row(_SOURCE, f"{above}brewingStartTime", "brewing_since", MOMENT, note=note)
    yield from last_coffee(f"{above}lastCoffee.")
    yield row(_SOURCE, f"{above}lastFlush.time", "last_flush_time", MOMENT, note="the end")
    yield row(_SOURCE, f"{above}lastFlush.extractionSeconds", "last_flush_seconds", SECONDS, "s")
    names = "doseMode doseIndex doseValue doseValueNumerator targetTemperature valid invalidReason"
    yield from asides(_SOURCE, f"{above}lastFlush.", names)


def last_coffee(above: str) -> Iterator[Row]:
    """Yield the rows of the last shot."""
    yield row(_SOURCE, f"{above}time", "last_coffee_time", MOMENT, note="the end; it may move by 1 ms later")
    yield row(_SOURCE, f"{above}extractionSeconds", "last_coffee_seconds", SECONDS, "s")
    yield row(_SOURCE, f"{above}doseIndex", "last_coffee_key", KEY, note=KEY_NOTE)
    yield row(_SOURCE, f"{above}doseMode", "last_coffee_mode", DOSE_MODE)
    note = "in the unit of last_coffee_mode: pulses, g, or a ratio"
    yield row(_SOURCE, f"{above}doseValue", "last_coffee_dose", RATIO, note=note)
    yield whole(_SOURCE, f"{above}doseValueNumerator", "null in all that was seen")
    yield row(_SOURCE, f"{above}targetTemperature", "last_coffee_set_temp", CELSIUS, "°C", CLAIMED, "a target")
    yield row(_SOURCE, f"{above}valid", "last_coffee_valid", FLAG, sure=CLAIMED)
    yield row(_SOURCE, f"{above}invalidReason", "last_coffee_invalid_reason", TEXT, sure=CLAIMED)


def _boilers() -> Iterator[Row]:
    for code, name in (
        ("CMCoffeeBoiler", "coffee"),
        ("CMSteamBoilerTemperature", "steam"),
        ("CMSteamBoilerLevel", "steam"),
    ):
        above = f"{code}."
        yield row(_SOURCE, f"{above}status", f"{name}_boiler_status", _BOILER)
        yield row(_SOURCE, f"{above}enabled", f"{name}_boiler_enable", FLAG)
        yield row(_SOURCE, f"{above}readyStartTime", f"{name}_ready_time", MOMENT, note=PREDICTION)
        yield aside(_SOURCE, f"{above}enabledSupported")
        if code == "CMSteamBoilerLevel":
            yield row(_SOURCE, f"{above}targetLevel", "steam_level", LEVEL, note=LEVEL_NOTE)
            yield aside(_SOURCE, f"{above}targetLevelSupported")
        else:
            target = f"{above}targetTemperature"
            yield row(_SOURCE, target, f"{name}_set_temp", CELSIUS, "°C", note="a target; no temperature is measured")
            yield from asides(_SOURCE, target, "Min Max Step Supported")


def _prebrewing() -> Iterator[Row]:
    above = "CMPreBrewing."
    yield row(_SOURCE, f"{above}mode", "prebrew_flag", PREBREWING)
    yield from asides(_SOURCE, above, "availableModes doseIndexSupported")
    for dose, key in {**DOSES, "ByGroup": 1}.items():
        note = "" if dose in DOSES else ONE_PAIR
        item = f"{above}times.PreBrewing[doseIndex={dose}]."
        yield row(_SOURCE, f"{item}seconds.In", f"prebrewing_ton_k{key}", TENTHS, "s", note=note)
        yield row(_SOURCE, f"{item}seconds.Out", f"prebrewing_toff_k{key}", TENTHS, "s", note=note)
        yield from asides(_SOURCE, item, "secondsMin secondsMax secondsStep")
        item = f"{above}times.PreInfusion[doseIndex={dose}]."
        yield row(_SOURCE, f"{item}seconds.Out", f"preinfusion_k{key}", TENTHS, "s", note=note)
        yield aside(_SOURCE, f"{item}seconds.In", "always 0")
        yield from asides(_SOURCE, item, "secondsMin secondsMax secondsStep")


def _before_prebrewing() -> Iterator[Row]:
    """Yield the older widget of prebrewing, whose one pair of times is that of the mode that is on."""
    above = "CMPreExtraction"
    yield row(_SOURCE, f"{above}.mode", "prebrew_flag", PREBREWING, note="the older form of CMPreBrewing")
    yield aside(_SOURCE, f"{above}.availableModes")
    for mode, end, name in (
        ("PreBrewing", "In", "prebrewing_ton_k1"),
        ("PreBrewing", "Out", "prebrewing_toff_k1"),
        ("PreInfusion", "Out", "preinfusion_k1"),
    ):
        sure = SEEN if mode == "PreInfusion" else INFERRED
        yield row(_SOURCE, f"{above}[mode={mode}].times.{end}.seconds", name, TENTHS, "s", sure, ONE_PAIR)
    yield aside(_SOURCE, f"{above}[mode=PreInfusion].times.In.seconds", "always 0")
    for end in ("In", "Out"):
        note = "while it is off, nothing says of which mode the times are"
        yield aside(_SOURCE, f"{above}[mode=Disabled].times.{end}.seconds", note, INFERRED)
        yield from asides(_SOURCE, f"{above}.times.{end}.", "secondsMin secondsMax secondsStep")


def _doses() -> Iterator[Row]:
    above = "CMGroupDoses."
    yield row(_SOURCE, f"{above}mode", "dose_mode", DOSE_MODE)
    for dose, key in DOSES.items():
        for kind, name, unit, type_ in GROUP_DOSES:
            item = f"{above}doses.{kind}[doseIndex={dose}]."
            yield row(_SOURCE, f"{item}dose", f"{name}{key}", type_, unit)
            yield from asides(_SOURCE, item, "doseMin doseMax doseStep")
        item = f"{above}doses.BrewRatioType[doseIndex={dose}]."
        yield row(
            _SOURCE, f"{item}dose", f"dose_ratio_k{key}", RATIO, note="the coffee in the cup by the ground coffee"
        )
        yield from asides(_SOURCE, item, "doseMin doseMax doseStep")
    yield row(_SOURCE, f"{above}brewingPressure.pressure", "brew_set_pressure", TENTHS, "bar", note="a target")
    yield from asides(_SOURCE, f"{above}brewingPressure.", "pressureMin pressureMax pressureStep")
    names = "availableModes mirrorWithGroup1Supported mirrorWithGroup1NotEffective continuousDoseSupported"
    yield from asides(_SOURCE, above, f"{names} brewingPressureSupported mirrorWithGroup1")
    yield whole(_SOURCE, f"{above}profile", "the profile that is chosen, with its curve")
    yield whole(_SOURCE, f"{above}continuousDose", "of a commercial machine; null in all that was seen")
    above = "CMHotWaterDose."
    yield row(_SOURCE, f"{above}enabled", "hot_water_dose_enable", FLAG)
    note = "a fraction of a second, which a Strada X has, stays as it came"
    yield row(_SOURCE, f"{above}doses[doseIndex=DoseA].dose", "dose_hot_water", COUNT, "s", note=note)
    yield from asides(_SOURCE, f"{above}doses[doseIndex=DoseA].", "doseMin doseMax doseStep")
    yield aside(_SOURCE, f"{above}enabledSupported")
    above = "CMBrewByWeightDoses."
    yield row(_SOURCE, f"{above}scaleConnected", "scale_connected", FLAG)
    yield row(_SOURCE, f"{above}mode", "brew_by_weight_mode", DOSE_MODE)
    yield aside(_SOURCE, f"{above}availableModes")
    for number_ in (1, 2):
        item = f"{above}doses.Dose{number_}."
        yield row(_SOURCE, f"{item}dose", f"brew_by_weight_dose_{number_}", TENTHS, "g")
        yield from asides(_SOURCE, item, "doseMin doseMax doseStep")


def _cleaning() -> Iterator[Row]:
    yield row(_SOURCE, "CMBackFlush.status", "backflush_status", words_of("Off", "Requested", "Cleaning"))
    yield row(_SOURCE, "CMBackFlush.lastCleaningStartTime", "last_backflush_time", MOMENT)
    for code, name in (("CMRinseFlush", "rinse"), ("CMAutoFlush", "auto"), ("CMSteamFlush", "steam")):
        yield row(_SOURCE, f"{code}.enabled", f"{name}_flush_enable", FLAG)
        yield aside(_SOURCE, f"{code}.enabledSupported")
    yield row(_SOURCE, "CMRinseFlush.timeSeconds", "rinse_flush_seconds", TENTHS, "s")
    yield from asides(_SOURCE, "CMRinseFlush.timeSeconds", "Min Max Step")


def _grinder() -> Iterator[Row]:
    words = words_of("GrindingMode", "StandBy", "PoweredOn")
    yield row(_SOURCE, "GMachineStatus.status", "grinder_status", words)
    yield row(_SOURCE, "GMachineStatus.mode", "power", GRINDING, note="GrindingMode: true")
    yield aside(_SOURCE, "GMachineStatus.availableModes")
    yield row(_SOURCE, "GMachineStatus.readyStartTime", "grinder_ready_time", MOMENT, sure=CLAIMED, note=PREDICTION)
    above = "GDoses."
    yield row(_SOURCE, f"{above}mode", "grinder_dose_mode", words_of("TimeType", "MassType", "RevType"))
    yield row(_SOURCE, f"{above}scaleConnected", "scale_connected", FLAG, sure=CLAIMED)
    for dose, key in DOSES.items():
        for kind, name, unit in GRINDER_DOSES:
            item = f"{above}doses.{kind}[doseIndex={dose}]."
            yield row(_SOURCE, f"{item}dose", f"{name}{key}", TENTHS, unit, CLAIMED)
            yield from asides(_SOURCE, item, "doseMin doseMax doseStep speedAutoSupported speedAuto", sure=CLAIMED)
    yield aside(_SOURCE, f"{above}speedLevelsSupported", sure=CLAIMED)
    yield row(_SOURCE, "GSingleDoseMode.enabled", "grinder_single_dose", FLAG)
    yield row(_SOURCE, "GBaristaLight.enabled", "barista_light", FLAG)
    yield row(_SOURCE, "GMoreDose.revolutions", "grinder_more_revolutions", TENTHS, sure=CLAIMED)
    yield from asides(_SOURCE, "GMoreDose.revolutions", "Min Max Step", sure=CLAIMED)
    yield row(_SOURCE, "GGrindWith.mode", "grind_with", GRIND_WITH, sure=CLAIMED)
