"""The rows of lion's commands, by their names: what a machine is told to be set to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lmdecode.codec.vocabulary import Row
from lmdecode.codec.vocabulary_configuration import smart_standby
from lmdecode.codec.vocabulary_widgets import GRIND_WITH, GRINDER_DOSES, GRINDING, GROUP_DOSES, LEVEL, RATIO
from lmdecode.codec.vocabulary_words import (
    CELSIUS,
    CLAIMED,
    COUNT,
    DOSE_MODE,
    DOSES,
    FLAG,
    ONE_PAIR,
    POWER,
    POWER_NOTE,
    PREBREWING,
    TENTHS,
    aside,
    row,
    whole,
)

_SOURCE: Final = "lion command"
_MACHINE: Final = "CoffeeMachine"


def command_rows() -> Iterator[Row]:
    """Yield the rows."""
    yield row(_SOURCE, f"{_MACHINE}ChangeMode[].mode", "power", POWER, sure=CLAIMED, note=POWER_NOTE)
    yield row(_SOURCE, f"{_MACHINE}GroupChangeMode[groupIndex=1].mode", "power", POWER, sure=CLAIMED, note=POWER_NOTE)
    yield from _boilers()
    yield from _prebrewing()
    yield from _doses()
    yield from _switches()
    yield from _schedules()
    yield from _grinder()
    for name in ("SettingTimeZone", "SettingEcoModeTimeout", "SettingEcoModeOffset", "SettingWeeklyDay"):
        yield whole(_SOURCE, f"{_MACHINE}{name}", "known by its name only", CLAIMED)
    for name in ("SettingAutoSteamDose", "TapChangeMode", "SettingEarlyStart"):
        yield whole(_SOURCE, f"{_MACHINE}{name}", "known by its name only", CLAIMED)
    for name in ("ThingScaleSettingPosition", "ThingFactoryReset"):
        yield whole(_SOURCE, name, "known by its name only", CLAIMED)


def _setting(name: str, member: str, index: str = "boilerIndex") -> str:
    return f"{_MACHINE}Setting{name}[{index}=1].{member}"


def _boilers() -> Iterator[Row]:
    for boiler, name in (("CoffeeBoiler", "coffee"), ("SteamBoiler", "steam")):
        path = _setting(f"{boiler}TargetTemperature", "targetTemperature")
        yield row(_SOURCE, path, f"{name}_set_temp", CELSIUS, "°C", CLAIMED)
        yield row(_SOURCE, _setting(f"{boiler}Enabled", "enabled"), f"{name}_boiler_enable", FLAG, sure=CLAIMED)
    yield row(_SOURCE, _setting("SteamBoilerTargetLevel", "targetLevel"), "steam_level", LEVEL, sure=CLAIMED)


def _prebrewing() -> Iterator[Row]:
    yield row(_SOURCE, f"{_MACHINE}PreBrewingChangeMode[].mode", "prebrew_flag", PREBREWING, sure=CLAIMED)
    for dose, key in {**DOSES, "ByGroup": 1}.items():
        note = "" if dose in DOSES else ONE_PAIR
        item = f"{_MACHINE}PreBrewingSettingTimes[groupIndex=1,doseIndex={dose}]."
        yield row(_SOURCE, f"{item}times.In", f"prebrewing_ton_k{key}", TENTHS, "s", CLAIMED, note)
        yield row(_SOURCE, f"{item}times.Out", f"prebrewing_toff_k{key}", TENTHS, "s", CLAIMED, note)
        note = f"{note}; " if note else ""
        note += "preinfusion, since the pump is not to run before"
        item = f"{_MACHINE}PreBrewingSettingTimes[groupIndex=1,doseIndex={dose},times.In=0]."
        yield row(_SOURCE, f"{item}times.Out", f"preinfusion_k{key}", TENTHS, "s", CLAIMED, note)


def _doses() -> Iterator[Row]:
    doses = f"{_MACHINE}GroupDose"
    yield row(_SOURCE, f"{doses}ChangeMode[groupIndex=1].mode", "dose_mode", DOSE_MODE, sure=CLAIMED)
    for dose, key in DOSES.items():
        for kind, name, unit, type_ in GROUP_DOSES:
            item = f"{doses}SettingDose[groupIndex=1,doseIndex={dose},mode={kind}]."
            yield row(_SOURCE, f"{item}dose", f"{name}{key}", type_, unit, CLAIMED)
        item = f"{doses}SettingDose[groupIndex=1,doseIndex={dose},mode=BrewRatioType]."
        yield row(_SOURCE, f"{item}dose", f"dose_ratio_k{key}", RATIO, sure=CLAIMED)
    path = f"{doses}SettingGroupBrewingPressure[groupIndex=1].pressure"
    yield row(_SOURCE, path, "brew_set_pressure", TENTHS, "bar", CLAIMED)
    for name in ("ContinuousDose", "ContinuousDoseEnabled", "MirrorGroup1"):
        yield whole(_SOURCE, f"{doses}Setting{name}", "of a commercial machine", CLAIMED)
    path = f"{_MACHINE}SettingHotWaterDose[doseIndex=DoseA].dose"
    yield row(_SOURCE, path, "dose_hot_water", COUNT, "s", CLAIMED)
    weight = f"{_MACHINE}BrewByWeight"
    yield row(_SOURCE, f"{weight}ChangeMode[].mode", "brew_by_weight_mode", DOSE_MODE, sure=CLAIMED)
    for number in (1, 2):
        path = f"{weight}SettingDoses[].doses.Dose{number}"
        yield row(_SOURCE, path, f"brew_by_weight_dose_{number}", TENTHS, "g", CLAIMED)


def _switches() -> Iterator[Row]:
    for name, field in (
        ("HotWaterDoseEnabled", "hot_water_dose_enable"),
        ("AutoFlushEnabled", "auto_flush_enable"),
        ("SteamFlushEnabled", "steam_flush_enable"),
        ("RinseFlushEnabled", "rinse_flush_enable"),
        ("CupWarmerEnabled", "cup_warmer_enable"),
        ("PlumbIn", "plumbed_in"),
    ):
        yield row(_SOURCE, f"{_MACHINE}Setting{name}[].enabled", field, FLAG, sure=CLAIMED)
    path = f"{_MACHINE}SettingRinseFlushTime[].timeSeconds"
    yield row(_SOURCE, path, "rinse_flush_seconds", TENTHS, "s", CLAIMED)
    path = f"{_MACHINE}BackFlushStartCleaning[].enabled"
    yield row(_SOURCE, path, "backflush_start", FLAG, sure=CLAIMED, note="starts it; holds nothing to read")


def _schedules() -> Iterator[Row]:
    yield from smart_standby(_SOURCE, f"{_MACHINE}SettingSmartStandBy[].", CLAIMED, after="after")
    yield whole(_SOURCE, f"{_MACHINE}SettingAutoStandBy[].mode", "when it goes to standby by itself", CLAIMED)
    yield whole(_SOURCE, f"{_MACHINE}SettingAutoOnOff[].schedule", "when it goes on and off by itself", CLAIMED)
    yield whole(_SOURCE, f"{_MACHINE}SettingWakeUpSchedule", "one entry of the schedule", CLAIMED)
    yield whole(_SOURCE, f"{_MACHINE}DeleteWakeUpSchedule", "the id of an entry of the schedule", CLAIMED)


def _grinder() -> Iterator[Row]:
    yield row(_SOURCE, "GrinderChangeMode[].mode", "power", GRINDING, sure=CLAIMED, note="GrindingMode: true")
    yield row(_SOURCE, "GrinderSettingBaristaLightEnabled[index=1].enabled", "barista_light", FLAG, sure=CLAIMED)
    yield row(_SOURCE, "GrinderSettingGrindWithMode[index=1].mode", "grind_with", GRIND_WITH, sure=CLAIMED)
    for dose, key in DOSES.items():
        for kind, name, unit in GRINDER_DOSES:
            item = f"GrinderSettingDose[index=1,doseIndex={dose},mode={kind}]."
            yield row(_SOURCE, f"{item}dose", f"{name}{key}", TENTHS, unit, CLAIMED)
            yield aside(_SOURCE, f"{item}speedLevel", sure=CLAIMED)
    path = "GrinderSettingMoreDose[index=1].revolutions"
    yield row(_SOURCE, path, "grinder_more_revolutions", TENTHS, sure=CLAIMED)
