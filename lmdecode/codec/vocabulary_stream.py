"""The rows of what a machine pushes by itself: the texts of the gateways' stream, and Bluetooth's notifications."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lmdecode.codec.json_types import TEXT, constant, flag, words_of
from lmdecode.codec.vocabulary import Row
from lmdecode.codec.vocabulary_configuration import configuration, group_capabilities, preinfusion_settings
from lmdecode.codec.vocabulary_words import (
    CELSIUS,
    CLAIMED,
    COUNT,
    DOSES,
    FLAG,
    INFERRED,
    KEY,
    KEY_NOTE,
    POWER,
    POWER_NOTE,
    SECONDS,
    SEEN,
    STOP_REASON,
    STOP_TYPE,
    aside,
    asides,
    row,
    whole,
)

_SOURCE: Final = "stream"
_TWO_SAMPLES: Final = "the unit is what makes sense of two machines' numbers"


def stream_rows() -> Iterator[Row]:
    """Yield the rows."""
    yield from _values()
    yield from _shots()
    yield from _snapshots()
    yield from _statistics()
    yield from _system()
    yield from configuration(_SOURCE, "MachineConfiguration.")


def _values() -> Iterator[Row]:
    yield aside(_SOURCE, "KeepAlive", sure=CLAIMED)
    yield row(_SOURCE, "CoffeeBoiler1UpdateTemperature", "coffee_temp", CELSIUS, "°C")
    yield row(_SOURCE, "SteamBoilerUpdateTemperature", "steam_temp", CELSIUS, "°C", note="in steps of 3 on a Micra")
    yield row(_SOURCE, "CoffeeBoiler1UpdateSetPoint", "coffee_set_temp", CELSIUS, "°C", CLAIMED)
    yield row(_SOURCE, "SteamBoilerUpdateSetPoint", "steam_set_temp", CELSIUS, "°C", CLAIMED)
    yield row(_SOURCE, "SteamBoilerEnabled", "steam_boiler_enable", FLAG, sure=CLAIMED)
    for boiler, name in (("CoffeeBoiler1", "coffee"), ("SteamBoiler", "steam")):
        item = f"Boilers[id={boiler}]"
        yield row(_SOURCE, f"{item}.current", f"{name}_temp", CELSIUS, "°C")
        yield row(_SOURCE, f"{item}.target", f"{name}_set_temp", CELSIUS, "°C")
        yield row(_SOURCE, f"{item}.isEnabled", f"{name}_boiler_enable", FLAG)
        yield row(_SOURCE, f"BoilersTargetTemperature.{boiler}", f"{name}_set_temp", CELSIUS, "°C")
        note = "temperatures and coefficients of the heater, which the maker spells otherwise; after a warm-up"
        yield whole(_SOURCE, f"{boiler}HeatingCoeff", note)
    yield row(_SOURCE, "MachineMode", "power", POWER, note=POWER_NOTE)
    yield row(_SOURCE, "WakeUp", "power", constant(True), note="whatever it says")
    yield row(_SOURCE, "WakeUp", "power_reason", words_of("manual", "command"))
    yield row(_SOURCE, "Sleep", "power", constant(False), note="whatever it says")
    yield row(_SOURCE, "Sleep", "power_reason", words_of("manual", "command"))
    yield row(
        _SOURCE, "TankStatus", "water_reservoir_contact", flag({"full": True, "empty": False}), note="true: water"
    )
    yield from group_capabilities(_SOURCE, "GroupCapabilities")
    for spelled in ("PreinfusionSettings", "preinfusionSettings"):
        yield from preinfusion_settings(_SOURCE, spelled)


def _shots() -> Iterator[Row]:
    yield row(_SOURCE, "BrewingStartedGroup1DoseIndex", "brew_started_key", KEY, note=KEY_NOTE)
    yield row(_SOURCE, "BrewingStartedGroup1StopType", "brew_stop_type", STOP_TYPE, note="by what it is to end")
    yield row(_SOURCE, "BrewingStartedGroup1VolumeTarget", "brew_target_pulses", COUNT, "pulses")
    yield row(_SOURCE, "BrewingUpdateGroup1Time", "flow_seconds", SECONDS, "s", note="about once a second")
    yield row(_SOURCE, "BrewingUpdateGroup1Ev", "brew_solenoid_on", FLAG)
    yield row(_SOURCE, "BrewingUpdateGroup1Volume", "flow_pulses", COUNT, "pulses")
    yield row(_SOURCE, "BrewingUpdateGroup1Backflush", "backflush_on", FLAG)
    yield row(_SOURCE, "BrewingStoppedGroup1DoseIndex", "brew_stopped_key", KEY, note="it was a shot, and no flush")
    yield row(_SOURCE, "BrewingStoppedGroup1Time", "brew_stopped_seconds", SECONDS, "s")
    yield row(_SOURCE, "BrewingStoppedGroup1Volume", "brew_stopped_pulses", COUNT, "pulses")
    yield row(_SOURCE, "BrewingStoppedGroup1StopType", "brew_stopped_type", STOP_TYPE)
    yield row(_SOURCE, "BrewingStoppedGroup1StopReason", "brew_stop_reason", STOP_REASON)
    yield row(_SOURCE, "FlushStoppedGroup1DoseIndex", "flush_stopped_key", KEY, note="it was a flush, however long")
    yield row(_SOURCE, "FlushStoppedGroup1Time", "flush_stopped_seconds", SECONDS, "s")
    yield row(_SOURCE, "FlushStoppedGroup1Volume", "flush_stopped_pulses", COUNT, "pulses")


def _snapshots() -> Iterator[Row]:
    """Yield what gateway v3.7 says of a shot or a flush once more, at its end; that of a shot was not seen."""
    for above, info, what, sure in (
        ("FlushSnapshotGroup1", "flushInfo", "flush", SEEN),
        ("BrewingSnapshotGroup1", "brewingInfo", "brew", INFERRED),
    ):
        here = f"{above}.groupConfiguration"
        note = "nothing says that it is measured"
        yield row(_SOURCE, f"{here}.capabilities.boilerTemperature", "snapshot_boiler_temp", CELSIUS, "°C", sure, note)
        yield row(
            _SOURCE,
            f"{here}.capabilities.boilerTemperatureAtStart",
            "snapshot_boiler_start_temp",
            CELSIUS,
            "°C",
            sure,
            note,
        )
        yield from asides(_SOURCE, f"{here}.", "groupNumber dose doseMode", "as in the configuration", sure)
        names = "groupType groupNumber boilerId hasScale hasFlowmeter numberOfDoses"
        yield from asides(_SOURCE, f"{here}.capabilities.", names, "as in the configuration", sure)
        yield row(_SOURCE, f"{above}.{info}.doseIndex", f"{what}_stopped_key", KEY, sure=sure)
        yield row(_SOURCE, f"{above}.{info}.time", f"{what}_stopped_seconds", SECONDS, "s", sure)
        yield row(_SOURCE, f"{above}.{info}.volume", f"{what}_stopped_pulses", COUNT, "pulses", sure)
        yield row(_SOURCE, f"{above}.{info}.stopType", f"{what}_stopped_type", STOP_TYPE, sure=sure)
        yield row(_SOURCE, f"{above}.{info}.stopReason", f"{what}_stop_reason", STOP_REASON, sure=sure)


def _statistics() -> Iterator[Row]:
    above = "MachineStatistics."
    group = f"{above}groups[0]."
    for dose, key in DOSES.items():
        yield row(_SOURCE, f"{group}doses[].{dose}", f"drinks_k{key}", COUNT, note="a Micra counts all shots as DoseA")
    yield row(_SOURCE, f"{group}doses[].ContinuousDose", "continuous", COUNT)
    yield row(_SOURCE, f"{group}clean", "cleanings", COUNT)
    yield row(_SOURCE, f"{group}ev_activations", "total_coffee_activations", COUNT, sure=INFERRED)
    yield row(_SOURCE, f"{group}ev_ontime", "brew_solenoid_seconds", COUNT, "s", INFERRED, _TWO_SAMPLES)
    yield row(_SOURCE, f"{above}tot_doses", "total_coffee", COUNT)
    for member, name in (("rcoffee_ontime", "coffee"), ("rsteam_ontime", "steam")):
        hours = f"{name}_heating_element_hours"
        yield row(_SOURCE, f"{above}boilers[].{member}", hours, COUNT, "h", INFERRED, _TWO_SAMPLES)
    yield row(_SOURCE, f"{above}tea.count", "drinks_hot_water", COUNT, sure=INFERRED)
    yield row(_SOURCE, f"{above}tea.ev_activation", "hot_water_activations", COUNT, sure=INFERRED)
    yield row(_SOURCE, f"{above}tea.ev_ontime", "hot_water_solenoid_seconds", COUNT, "s", INFERRED)
    yield row(_SOURCE, f"{above}pump_ontime", "pump_on_seconds", COUNT, "s", INFERRED, _TWO_SAMPLES)
    yield row(_SOURCE, f"{above}machine_ontime", "machine_running_minutes", COUNT, "min", INFERRED, _TWO_SAMPLES)
    yield row(_SOURCE, f"{above}refill_ontime", "boiler_fill_seconds", COUNT, "s", INFERRED)
    yield row(_SOURCE, f"{above}count_liter", "water_count_liters", COUNT, "l", INFERRED)


def _system() -> Iterator[Row]:
    above = "SystemInfo."
    yield whole(_SOURCE, f"{above}network_interfaces", "addresses, channel and signal of each; MAC and IP are masked")
    yield whole(_SOURCE, f"{above}connections", "how many there are: ws, ble, mqtt, wifi")
    yield whole(_SOURCE, f"{above}fs", "the files of the gateway, with their sizes")
    yield row(_SOURCE, f"{above}up_time", "gateway_uptime", COUNT, "s")
    yield row(_SOURCE, f"{above}curr_time", "gateway_clock", TEXT)
    yield row(_SOURCE, f"{above}boot_reason", "gateway_boot_reason", TEXT)
