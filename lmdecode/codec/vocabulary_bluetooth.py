"""The rows of Bluetooth's reads and writes; its notifications are those of the gateways' stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from lmdecode.codec.json_types import TEXT, words_of
from lmdecode.codec.vocabulary import Row
from lmdecode.codec.vocabulary_configuration import boilers, capabilities, smart_standby
from lmdecode.codec.vocabulary_words import CELSIUS, CLAIMED, FLAG, POWER, POWER_NOTE, aside, row, whole

_READ: Final = "read"
_WRITE: Final = "write"


def bluetooth_rows() -> Iterator[Row]:
    """Yield the rows. Several programs agree on all of them, but no recording of a radio is public."""
    for each in (*_reads(), *_writes(), *_answers()):
        yield replace(each, sure=CLAIMED)


def _reads() -> Iterator[Row]:
    yield row(_READ, "machineMode", "power", POWER, note=POWER_NOTE)
    yield from capabilities(_READ, "machineCapabilities[0].")
    yield from boilers(_READ, "boilers")
    note = "true: water; says nothing if the machine is plumbed in; comes as a flag or as text"
    yield row(_READ, "tankStatus", "water_reservoir_contact", FLAG, note=note)
    yield from smart_standby(_READ, "smartStandBy.")
    yield row(_READ, "isPlumbedIn", "plumbed_in", FLAG, note="a flag or text")
    yield row(_READ, "2a25", "machine_ser_num", TEXT, note="device information")
    for characteristic, what in (
        ("2a00", "the name that the machine advertises"),
        ("2a24", "the model's number"),
        ("2a26", "a firmware, probably the gateway's"),
        ("2a27", "a hardware"),
        ("2a28", "a software, probably the gateway's"),
    ):
        yield whole(_READ, characteristic, f"device information: {what}")
    yield aside(_READ, "2a29", "device information: the maker's name")


def _writes() -> Iterator[Row]:
    """Yield the commands, by their names."""
    yield row(_WRITE, "MachineChangeMode[].mode", "power", POWER, note=POWER_NOTE)
    for boiler, name in (("CoffeeBoiler1", "coffee"), ("SteamBoiler", "steam")):
        yield row(_WRITE, f"SettingBoilerTarget[identifier={boiler}].value", f"{name}_set_temp", CELSIUS, "°C")
        yield row(_WRITE, f"SettingBoilerEnable[identifier={boiler}].state", f"{name}_boiler_enable", FLAG)
    yield from smart_standby(_WRITE, "SettingSmartStandby[].")


def _answers() -> Iterator[Row]:
    yield aside("write answer", "id")
    yield row("write answer", "status", "command_status", words_of("success", "error"))
    yield row("write answer", "message", "command_message", TEXT)
    yield row("write answer", "accepted", "token_accepted", FLAG, note="what 0d0b answers: 01 if it takes the token")
