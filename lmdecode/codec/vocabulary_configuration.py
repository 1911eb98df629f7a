"""The rows of a machine's configuration: from the gateway, and from the first cloud, which hands on the same object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lmdecode.codec.confidence import Confidence
from lmdecode.codec.json_types import TEXT, VERSION, time_of_members, words_of
from lmdecode.codec.vocabulary import Row
from lmdecode.codec.vocabulary_words import (
    CELSIUS,
    CLAIMED,
    COUNT,
    DAYS,
    DOSE_MODE,
    DOSES,
    FLAG,
    INFERRED,
    MODEL,
    ONE_PAIR,
    POWER,
    POWER_NOTE,
    PREBREWING,
    SEEN,
    STANDBY_AFTER,
    TENTHS,
    asides,
    row,
    whole,
)

_SOURCE: Final = "configuration"


def configuration_rows() -> Iterator[Row]:
    """Yield the rows of the configuration as an answer, of all years."""
    yield from configuration(_SOURCE, "")
    yield from _grinder()
    yield from _before_gateway_v3()


def configuration(source: str, above: str) -> Iterator[Row]:
    """Yield the rows of the object.

    Args:
        source: The kind of document that it is in.
        above: The path of the object with its point; "" if it is the document.
    """
    yield from asides(source, above, "version", "of the format")
    yield row(source, f"{above}machine_sn", "module_ser_num", TEXT, note="Sn and ten digits")
    yield row(source, f"{above}machine_hw", "machine_hardware", TEXT)
    yield row(source, f"{above}machineMode", "power", POWER, note=POWER_NOTE)
    yield row(source, f"{above}isPlumbedIn", "plumbed_in", FLAG)
    yield row(source, f"{above}isBackFlushEnabled", "backflush_enable", FLAG)
    yield row(source, f"{above}standByTime", "standby_timer", COUNT, "min", note="0: none")
    yield row(source, f"{above}tankStatus", "water_reservoir_contact", FLAG, note="true: water")
    yield from capabilities(source, f"{above}machineCapabilities[0].")
    yield from boilers(source, f"{above}boilers")
    for boiler, name in (("CoffeeBoiler1", "coffee"), ("SteamBoiler", "steam")):
        path = f"{above}boilerTargetTemperature.{boiler}"
        yield row(source, path, f"{name}_set_temp", CELSIUS, "°C", note="a copy")
    yield from group_capabilities(source, f"{above}groupCapabilities")
    yield row(source, f"{above}teaDoses.DoseA.stopTarget", "dose_hot_water", COUNT, "s")
    yield from asides(source, f"{above}teaDoses.DoseA.", "doseIndex")
    yield from preinfusion_settings(source, f"{above}preinfusionSettings")
    yield from asides(source, above, "preinfusionMode preinfusionModesAvailable", "the styles that there are")
    yield from _schedules(source, above)
    yield from smart_standby(source, f"{above}smartStandBy.")
    yield row(source, f"{above}scale.connected", "scale_connected", FLAG)
    yield row(source, f"{above}scale.name", "scale_name", TEXT)
    yield row(source, f"{above}scale.battery", "scale_battery", COUNT, "%")
    yield from asides(source, f"{above}scale.", "address", "of the scale's Bluetooth; masked")
    yield whole(source, f"{above}recipes", "doses by weight of a Linea Mini with a scale, in g")
    yield whole(source, f"{above}recipeAssignment", "which button has which recipe")
    yield whole(source, f"{above}settings", "a list that was always empty")
    yield row(
        source, f"{above}clock", "clock", TEXT, note="the machine's own time, of no zone; of 1901 if nobody set it"
    )
    for program, name in (("machine_firmware", "firmware_ver"), ("gateway_firmware", "gateway_ver")):
        type_ = VERSION if name == "firmware_ver" else TEXT
        yield row(source, f"{above}firmwareVersions[name={program}].fw_version", name, type_)


def capabilities(source: str, above: str) -> Iterator[Row]:
    """Yield the rows of what a machine has."""
    yield row(source, f"{above}family", "model", MODEL)
    yield row(source, f"{above}groupsNumber", "groups_count", COUNT)
    yield row(source, f"{above}coffeeBoilersNumber", "coffee_boilers_count", COUNT)
    yield row(source, f"{above}steamBoilersNumber", "steam_boilers_count", COUNT)
    yield row(source, f"{above}hasCupWarmer", "has_cup_warmer", FLAG)
    yield row(source, f"{above}hasWhaterProbe", "has_water_probe", FLAG, note="spelled so")
    yield row(source, f"{above}schedulingType", "schedule_type", words_of("weeklyScheduling", "smartWakeUpSleep"))
    yield from asides(source, above, "teaDosesNumber machineModes", "what the model has")


def boilers(source: str, path: str) -> Iterator[Row]:
    """Yield the rows of the list of boilers."""
    note = "missing on a Micra of 2022" if source == _SOURCE else ""
    for boiler, name in (("CoffeeBoiler1", "coffee"), ("SteamBoiler", "steam")):
        item = f"{path}[id={boiler}]"
        yield row(source, f"{item}.current", f"{name}_temp", CELSIUS, "°C", note=note)
        yield row(source, f"{item}.target", f"{name}_set_temp", CELSIUS, "°C")
        yield row(source, f"{item}.isEnabled", f"{name}_boiler_enable", FLAG)


def group_capabilities(source: str, path: str) -> Iterator[Row]:
    """Yield the rows of the list of groups: the first one's."""
    group = f"{path}[capabilities.groupNumber=Group1]."
    yield row(source, f"{group}capabilities.groupType", "group_type", words_of("AV_Group", "EP_Group"))
    yield row(source, f"{group}capabilities.hasFlowmeter", "has_flow_meter", FLAG)
    yield from asides(source, f"{group}capabilities.", "boilerId hasScale numberOfDoses", "what the model has")
    for dose, key in DOSES.items():
        for kind, name, type_, unit in (
            ("PulsesType", f"dose_k{key}", COUNT, "pulses"),
            ("MassType", f"dose_grams_k{key}", TENTHS, "g"),
        ):
            item = f"{group}doses[doseIndex={dose},doseType={kind}]."
            yield row(source, f"{item}stopTarget", name, type_, unit)
            yield from asides(source, item, "groupNumber")
    yield row(source, f"{group}doseMode.brewingType", "dose_mode", DOSE_MODE)
    yield from asides(source, f"{group}doseMode.", "groupNumber")


def preinfusion_settings(source: str, path: str) -> Iterator[Row]:
    """Yield the rows of prebrewing and preinfusion.

    Up to gateway v3 a button has one pair of times, which belongs to the mode that is on. Gateway v5 has a pair for
    each mode, and says which.
    """
    yield row(source, f"{path}.mode", "prebrew_flag", PREBREWING)
    for spelled, key in {**DOSES, "Continuous": 1}.items():
        note = "" if spelled in DOSES else ONE_PAIR
        for mode in ("Enabled", "TypeA"):
            item = f"{path}[mode={mode}].Group1[doseType={spelled}]."
            yield from _prebrewing(source, item, key, SEEN if mode == "Enabled" else INFERRED, note)
        item = f"{path}[mode=TypeB].Group1[doseType={spelled}]."
        yield row(source, f"{item}preWetHoldTime", f"preinfusion_k{key}", TENTHS, "s", INFERRED, note)
        yield whole(source, f"{item}preWetTime", "preinfusion has no time of its own before the hold")
        item = f"{path}[mode=Disabled].Group1[doseType={spelled}]."
        for member in ("preWetTime", "preWetHoldTime"):
            yield whole(source, f"{item}{member}", "while it is off, nothing says of which mode the times are")
        yield from _prebrewing(source, f"{path}.Group1[mode=TypeA,doseType={spelled}].", key, SEEN, note)
        item = f"{path}.Group1[mode=TypeB,doseType={spelled}]."
        yield row(source, f"{item}preWetHoldTime", f"preinfusion_k{key}", TENTHS, "s", note=note)
        yield from asides(source, item, "preWetTime groupNumber", "always 0, and always Group1")
        for mode in ("Enabled", "TypeA", "TypeB", "Disabled"):
            yield from asides(source, f"{path}[mode={mode}].Group1[doseType={spelled}].", "groupNumber")


def _prebrewing(source: str, item: str, key: int, sure: Confidence, note: str) -> Iterator[Row]:
    yield row(source, f"{item}preWetTime", f"prebrewing_ton_k{key}", TENTHS, "s", sure, note)
    yield row(source, f"{item}preWetHoldTime", f"prebrewing_toff_k{key}", TENTHS, "s", sure, note)
    if "[mode=TypeA,doseType=" in item:
        yield from asides(source, item, "groupNumber")


def smart_standby(source: str, above: str, sure: Confidence = SEEN, after: str = "mode") -> Iterator[Row]:
    """Yield the rows of the standby that follows some minutes without use."""
    yield row(source, f"{above}enabled", "smart_standby_enable", FLAG, sure=sure)
    yield row(source, f"{above}minutes", "smart_standby_minutes", COUNT, "min", sure)
    yield row(source, f"{above}{after}", "smart_standby_after", STANDBY_AFTER, sure=sure)


def _schedules(source: str, above: str) -> Iterator[Row]:
    yield whole(source, f"{above}wakeUpSleepEntries", "the schedule since March 2024, in any number of entries")
    week = f"{above}weeklySchedulingConfig."
    yield row(source, f"{week}enabled", "global_auto", FLAG, sure=CLAIMED, note="the schedule until March 2024")
    for spelled, day in DAYS.items():
        yield row(source, f"{week}{spelled}.enabled", f"{day}_auto", FLAG, sure=CLAIMED)
        for event in ("on", "off"):
            hour, minute = f"h_{event}", f"m_{event}"
            path = f"{week}{spelled}"
            type_ = time_of_members(hour, minute)
            yield row(source, path, f"{day}_{event}_time", type_, sure=CLAIMED, note="24:00: not set")
            yield row(source, f"{path}.{hour}", f"{day}_{event}_hour", COUNT, "h", CLAIMED)
            yield row(source, f"{path}.{minute}", f"{day}_{event}_min", COUNT, "min", CLAIMED)


def _grinder() -> Iterator[Row]:
    """Yield what a Pico grinder has in place of the machine's members."""
    yield row(_SOURCE, "family", "model", MODEL)
    yield row(_SOURCE, "machineSn", "machine_ser_num", TEXT)
    yield row(_SOURCE, "machineHw", "machine_hardware", TEXT)
    yield row(_SOURCE, "baristaLed", "barista_light", FLAG)
    yield row(_SOURCE, "bellOpened", "hopper_opened", FLAG, note="the bell is taken for the hopper")
    yield row(_SOURCE, "selectedDose", "grinder_selected_dose", TEXT)
    for dose, key in DOSES.items():
        yield row(_SOURCE, f"doses[doseIndex={dose}].target", f"grinder_seconds_k{key}", TENTHS, "s")


def _before_gateway_v3() -> Iterator[Row]:
    """Yield what the first cloud said of machines that speak v1, in 2020: the names of v1's registers."""
    yield row(_SOURCE, "ENABLE_PREBREWING", "enable_prebrewing", FLAG)
    yield row(_SOURCE, "STBY_TIMER", "standby_timer", COUNT, "min")
    yield row(_SOURCE, "TSET_COFFEE", "coffee_set_temp", CELSIUS, "°C")
    yield row(_SOURCE, "TSET_STEAM", "steam_set_temp", CELSIUS, "°C")
    for key in range(1, 5):
        yield row(_SOURCE, f"TON_PREBREWING_K{key}", f"prebrewing_ton_k{key}", TENTHS, "s")
        yield row(_SOURCE, f"TOFF_PREBREWING_K{key}", f"prebrewing_toff_k{key}", TENTHS, "s")
    for key in range(1, 6):
        yield row(_SOURCE, f"DOSE_K{key}", f"dose_k{key}", COUNT, "pulses")
    yield row(_SOURCE, "DOSE_TEA", "dose_hot_water", COUNT, "s")
