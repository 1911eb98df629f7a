"""The rows of the maker's first cloud, but for the configuration, which it hands on from the gateway."""

from __future__ import annotations

from collections.abc import Iterator

from lmdecode.codec.json_types import TEXT, TIME_OF_DAY, VERSION, flag, number, words_of
from lmdecode.codec.vocabulary import Row
from lmdecode.codec.vocabulary_configuration import smart_standby
from lmdecode.codec.vocabulary_words import (
    CELSIUS,
    CLAIMED,
    COUNT,
    DAYS,
    DOSES,
    FLAG,
    ONE_PAIR,
    PREBREWING,
    TENTHS,
    aside,
    asides,
    row,
    whole,
)

_MILLISECONDS = number(1, 1 / 1000)


def cloud1_rows() -> Iterator[Row]:
    """Yield the rows."""
    yield from _status()
    yield whole("account", "fleet", "the machines of the account; their keys are masked")
    yield from _counters()
    yield whole(
        "daily", "[]", "a day: how many of each, count, doseA to doseD, doseTea, doseContinous (spelled so), flush"
    )
    yield from _firmware()
    yield from _commands()
    yield from _weekly()
    yield from _answers()


def _status() -> Iterator[Row]:
    yield row(
        "status", "MACHINE_STATUS", "power", flag({"ON": True, "STANDBY": False, "BrewingMode": True, "StandBy": False})
    )
    yield row("status", "TEMP_COFFEE", "coffee_temp", CELSIUS, "°C")
    yield row("status", "TEMP_STEAM", "steam_temp", CELSIUS, "°C")
    yield row("status", "LEVEL_TANK", "water_reservoir_contact", FLAG, note="true: water")
    for member, name in (
        ("BACKFLUSH", "backflush_enable"),
        ("BOILER", "steam_boiler_enable"),
        ("PLUMBIN", "plumbed_in"),
    ):
        yield row("status", f"MACHINE_REMOTSETS.{member}_ENABLE", name, FLAG)
    yield row("status", "received", "status_time", TEXT, note="when the cloud heard of it")


def _counters() -> Iterator[Row]:
    names = {"-1": "total_flushing", **{str(key - 1): f"drinks_k{key}" for key in range(1, 5)}, "4": "continuous"}
    for coffee_type, name in names.items():
        note = "a Micra counts all shots as the first button's" if coffee_type == "0" else ""
        yield row("counters", f"[coffeeType={coffee_type}].count", name, COUNT, note=note)


def _firmware() -> Iterator[Row]:
    for program, name, of, type_ in (
        ("machine_firmware", "firmware_ver", "firmware", VERSION),
        ("gateway_firmware", "gateway_ver", "gateway", TEXT),
    ):
        yield row("firmware", f"{program}.version", name, type_)
        for member in ("targetVersion", "latestVersion"):
            yield row("firmware", f"{program}.{member}", f"{of}_update_version", TEXT)
        yield from asides("firmware", f"{program}.", "md5 url_firmware url_schema update")


def _commands() -> Iterator[Row]:
    """Yield the bodies of commands, by the last part of the path that they are sent to."""
    source = "command"
    words = {"ON": True, "STANDBY": False, "BrewingMode": True, "StandBy": False}
    yield row(source, "status[].status", "power", flag(words), note="the words of 2020, and those of 2023")
    for boiler, name in (("CoffeeBoiler1", "coffee"), ("SteamBoiler", "steam")):
        yield row(source, f"enable-boiler[identifier={boiler}].state", f"{name}_boiler_enable", FLAG, sure=CLAIMED)
        yield row(source, f"target-boiler[identifier={boiler}].value", f"{name}_set_temp", CELSIUS, "°C", CLAIMED)
    yield row(source, "enable-preinfusion[].mode", "prebrew_flag", PREBREWING, sure=CLAIMED)
    for button, key in {**DOSES, "Continuous": 1}.items():
        note = "" if button in DOSES else ONE_PAIR
        item = f"setting-preinfusion[button={button},group=Group1]."
        yield row(
            source,
            f"{item}wetTimeMs",
            f"prebrewing_ton_k{key}",
            _MILLISECONDS,
            "s",
            CLAIMED,
            f"in ms; {note}".removesuffix("; "),
        )
        yield row(
            source,
            f"{item}holdTimeMs",
            f"prebrewing_toff_k{key}",
            _MILLISECONDS,
            "s",
            CLAIMED,
            f"in ms; {note}".removesuffix("; "),
        )
        item = f"setting-preinfusion[button={button},group=Group1,wetTimeMs=0]."
        yield row(
            source,
            f"{item}holdTimeMs",
            f"preinfusion_k{key}",
            _MILLISECONDS,
            "s",
            CLAIMED,
            "in ms; preinfusion, since the pump is not to run before",
        )
    for dose, key in DOSES.items():
        for kind, name, unit, type_ in (
            ("PulsesType", f"dose_k{key}", "pulses", COUNT),
            ("MassType", f"dose_grams_k{key}", "g", TENTHS),
        ):
            yield row(source, f"dose[dose_index={dose},dose_type={kind},group=Group1].value", name, type_, unit)
    yield row(source, "dose-tea[dose_index=DoseA].value", "dose_hot_water", COUNT, "s", CLAIMED)
    yield row(source, "enable-plumbin[].enable", "plumbed_in", FLAG, sure=CLAIMED)
    yield row(source, "enable-backflush[].enable", "backflush_enable", FLAG, sure=CLAIMED)
    yield from smart_standby(source, "smart-standby[].", CLAIMED)
    yield whole(source, "wake-up-sleep[]", "one entry of the schedule since March 2024", CLAIMED)
    for path in ("target-dose[]", "recipes[]", "active-recipe[]"):
        yield whole(source, path, "doses by weight of a Linea Mini with a scale", CLAIMED)
    yield whole(source, "clock[].date", "the phone's time, in words")


def _weekly() -> Iterator[Row]:
    yield row("command", "scheduling[].enable", "global_auto", FLAG, sure=CLAIMED)
    for spelled, day in DAYS.items():
        item = f"scheduling[].days[day={spelled.upper()}]."
        yield row("command", f"{item}enable", f"{day}_auto", FLAG, sure=CLAIMED)
        for event in ("on", "off"):
            yield row("command", f"{item}{event}", f"{day}_{event}_time", TIME_OF_DAY, sure=CLAIMED)


def _answers() -> Iterator[Row]:
    source = "command answer"
    yield aside(source, "commandId", "by which it is asked after")
    yield row(source, "status", "command_status", words_of("PENDING", "COMPLETED"))
    yield row(source, "responsePayload.status", "command_result", words_of("success", "error"))
