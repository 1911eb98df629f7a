"""What the codec's tests share: messages of real machines with the values they hold, and ways to make frames.

Nothing here uses lmdecode: the values are written by hand, the frames are made with pycryptodome. So this is the one
oracle of the memory map that is not the map. A new register needs no line here: a sample names the values that were
known when it was written, and the tests look for these.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import NamedTuple

from Crypto.Cipher import AES

KEY_TEXT = "12345678901234567890123456789012"
KEY_BYTES = KEY_TEXT.encode("ascii")

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Sample(NamedTuple):
    """A message that a real machine sent, or took, and what it says."""

    name: str
    text: str
    """The plaintext; without its check byte if `check` is None."""
    check: str | None
    """The check byte that the real machine sent."""
    letter: str
    address: int
    length: int
    fields: dict[str, object]
    """Values that it holds, by hand; more may be known by now."""

    def is_in(self, fields: Mapping[str, object]) -> bool:
        """Whether all of its values are among some, of the same types."""
        return all(
            name in fields and fields[name] == value and type(fields[name]) is type(value)
            for name, value in self.fields.items()
        )

    @property
    def plaintext(self) -> bytes:
        return with_check(self.text) if self.check is None else (self.text + self.check).encode("ascii")


def with_check(text: str) -> bytes:
    """A plaintext with a right check byte."""
    body = text.encode("ascii")
    return body + f"{sum(body) % 256:02X}".encode("ascii")


def seal(plaintext: bytes, key: bytes = KEY_BYTES) -> bytes:
    """The frame's body: plain AES-CBC from a zero IV, in base64."""
    padded = plaintext + bytes(-len(plaintext) % 16)
    return base64.b64encode(AES.new(key, AES.MODE_CBC, bytes(16)).encrypt(padded))


def frame(plaintext: bytes) -> bytes:
    """The whole frame as it travels."""
    return b"@" + seal(plaintext) + b"%"


def _schedule(on_hour: int, off_hour: int, *, global_auto: bool, days: bool) -> dict[str, object]:
    on = [*(["global_auto"] if global_auto else []), *(f"{day}_auto" for day in DAYS if days)]
    fields: dict[str, object] = {"auto_bitfield": on, "global_auto": global_auto}
    for day in DAYS:
        fields |= {
            f"{day}_auto": days,
            f"{day}_on_hour": on_hour,
            f"{day}_off_hour": off_hour,
            f"{day}_on_min": 0,
            f"{day}_off_min": 0,
            f"{day}_on_time": f"{on_hour:02}:00",
            f"{day}_off_time": f"{off_hour:02}:00",
        }
    return fields


_NO_HEATING: dict[str, object] = {
    "pump_on": False,
    "brew_solenoid_on": False,
    "boiler_fill_solenoid_on": False,
    "hot_water_solenoid_on": False,
    "heating_on": False,
    "coffee_heater_on": False,
    "steam_heater_on": False,
}

SAMPLES = (
    Sample(
        "status of a GS3 AV, firmware 1.20",
        "R400000200178020000000000000000000000000100000000000000010100001003B804D6",
        "29",
        "R",
        0x4000,
        0x20,
        _NO_HEATING
        | {
            "firmware_ver": "1.20",
            "module_ser_num": "",
            "power_mystery": 1,
            "key_active": 0,
            "current_pulse_count": 0,
            "power": True,
            "water_reservoir_contact": True,
            "heating_state": ["heating_on"],
            "heating_on": True,
            "coffee_temp": 95.2,
            "steam_temp": 123.8,
        },
    ),
    Sample(
        "configuration of a GS3 AV",
        "R0000001F010000026E313903C204D7000B16212C0B16212C00780076006E008203E808",
        "B9",
        "R",
        0x0000,
        0x1F,
        {
            "power": True,
            "standby_timer": 0,
            "coffee_set_temp": 96.2,
            "steam_set_temp": 123.9,
            "prebrew_flag": "off",
            "enable_prebrewing": False,
            "enable_preinfusion": False,
            "prebrewing_ton_k1": 1.1,
            "prebrewing_ton_k2": 2.2,
            "prebrewing_ton_k3": 3.3,
            "prebrewing_ton_k4": 4.4,
            "prebrewing_toff_k1": 1.1,
            "prebrewing_toff_k2": 2.2,
            "prebrewing_toff_k3": 3.3,
            "prebrewing_toff_k4": 4.4,
            "dose_k1": 120,
            "dose_k2": 118,
            "dose_k3": 110,
            "dose_k4": 130,
            "dose_k5": 1000,
            "dose_hot_water": 8,
        },
    ),
    Sample(
        "schedule of a GS3 AV",
        "R0310001DFF0611061106110611061106110611" + "00" * 14,
        "2F",
        "R",
        0x0310,
        0x1D,
        _schedule(6, 17, global_auto=True, days=True),
    ),
    Sample(
        "clock",
        "R03000007001A0906020115",
        "A6",
        "R",
        0x0300,
        7,
        {
            "clock": "2021-01-02T09:26:00",
            "second": 0,
            "minute": 26,
            "hour": 9,
            "dayofweek": 6,
            "day": 2,
            "month": 1,
            "year": 21,
        },
    ),
    Sample(
        "drink counters",
        "R0020002C0000014B00000098000001B1000000250000056A00000923000000180000000A00000AEE000000180000003A",
        "48",
        "R",
        0x0020,
        0x2C,
        {
            "drinks_k1": 331,
            "drinks_k2": 152,
            "drinks_k3": 433,
            "drinks_k4": 37,
            "continuous": 1386,
            "total_coffee": 2339,
            "hot_water": 24,
            "drink_mystery": 10,
            "total_coffee_activations": 2798,
            "hot_water_2": 24,
            "drinks_hot_water": 58,
            "total_flushing": 459,
        },
    ),
    Sample(
        "temperatures",
        "R401C000403BC04D8",
        "B6",
        "R",
        0x401C,
        4,
        {"coffee_temp": 95.6, "steam_temp": 124.0},
    ),
    Sample("write of a prebrewing time accepted", "W000F0001OK", "88", "W", 0x000F, 1, {}),
    Sample("write of a pause accepted", "W00130001OK", "76", "W", 0x0013, 1, {}),
    Sample(
        "status of a GS3 AV, firmware 1.40",
        "R40000023" + "018C02000000000000000000000000" + "0100000000000000010100005003AA0372000205",
        None,
        "R",
        0x4000,
        0x23,
        _NO_HEATING
        | {
            "firmware_ver": "1.40",
            "module_ser_num": "",
            "power_mystery": 1,
            "key_active": 0,
            "current_pulse_count": 0,
            "power": True,
            "water_reservoir_contact": True,
            "heating_state": ["heating_on", "steam_heater_on"],
            "heating_on": True,
            "steam_heater_on": True,
            "coffee_temp": 93.8,
            "steam_temp": 88.2,
            "mystery_1": 0,
            "mystery_2": 2,
            "steam_boiler_enable": True,
        },
    ),
    Sample(
        "configuration of a GS3 MP in standby",
        "R0000001F" + "00003C026E3230039804A6000608000012180000006E00DC0096012C03E811",
        None,
        "R",
        0x0000,
        0x1F,
        {
            "power": False,
            "standby_timer": 60,
            "coffee_set_temp": 92.0,
            "steam_set_temp": 119.0,
            "prebrew_flag": "off",
            "enable_prebrewing": False,
            "enable_preinfusion": False,
            "prebrewing_ton_k1": 0.6,
            "prebrewing_ton_k2": 0.8,
            "prebrewing_ton_k3": 0.0,
            "prebrewing_ton_k4": 0.0,
            "prebrewing_toff_k1": 1.8,
            "prebrewing_toff_k2": 2.4,
            "prebrewing_toff_k3": 0.0,
            "prebrewing_toff_k4": 0.0,
            "dose_k1": 110,
            "dose_k2": 220,
            "dose_k3": 150,
            "dose_k4": 300,
            "dose_k5": 1000,
            "dose_hot_water": 17,
        },
    ),
    Sample(
        "schedule of a GS3 MP",
        "R0310001D" + "FE080C080C080C080C080C080C080C0000000000000000000000000000",
        None,
        "R",
        0x0310,
        0x1D,
        _schedule(8, 12, global_auto=False, days=True),
    ),
    Sample(
        "usage of a GS3 MP",
        "R00500018" + "0000006B0000008600003F7B00001FB800000000000004DF",
        None,
        "R",
        0x0050,
        0x18,
        {
            "coffee_heating_element_hours": 107,
            "steam_heating_element_hours": 134,
            "machine_running_minutes": 16251,
            "hours_since_built": 8120,
            "days_since_built": 8120 / 24,
            "pump_on_seconds": 0,
            "water_on_seconds": 1247,
        },
    ),
    Sample(
        "front panel of a GS3 MP",
        "R60EF0010" + "54414E442D425920202031313A303500",
        None,
        "R",
        0x60EF,
        0x10,
        {"front_panel_display": "TAND-BY   11:05"},
    ),
    Sample("switching a machine on", "W0000000101", "39", "W", 0x0000, 1, {"power": True}),
    Sample("switching a machine to standby", "W0000000100", "38", "W", 0x0000, 1, {"power": False}),
    Sample(
        "setting a clock",
        "W030000070B0F15070D0C14",
        "E2",
        "W",
        0x0300,
        7,
        {
            "clock": "2020-12-13T21:15:11",
            "second": 11,
            "minute": 15,
            "hour": 21,
            "dayofweek": 7,
            "day": 13,
            "month": 12,
            "year": 20,
        },
    ),
    Sample(
        "usage of a GS3 AV",
        "R00500018" + "000001FE000001890000977200001CA90000950000000075",
        None,
        "R",
        0x0050,
        0x18,
        {
            "coffee_heating_element_hours": 510,
            "steam_heating_element_hours": 393,
            "machine_running_minutes": 38770,
            "hours_since_built": 7337,
            "days_since_built": 7337 / 24,
            "pump_on_seconds": 38144,
            "water_on_seconds": 117,
        },
    ),
    Sample(
        "preinfusion of a GS3 AV",
        "R00E20004" + "1E2832DE",
        None,
        "R",
        0x00E2,
        4,
        {"preinfusion_k1": 3.0, "preinfusion_k2": 4.0, "preinfusion_k3": 5.0, "preinfusion_k4": 22.2},
    ),
    Sample(
        "factory settings of a GS3 AV, firmware 1.40",
        "R40600020" + "21140F00B003D704500050000F000F0064006400CA000600000101BD00990000",
        None,
        "R",
        0x4060,
        0x20,
        {
            "t_unit": "C",
            "pid_offset": 20.2,
            "water_filter_liters": 6,
            "brew_group_offset_raw": 189,
            "factory_offset": 153,
            "brew_group_offset": 17.8,
        },
    ),
    Sample(
        "factory settings of a GS3 MP, firmware 1.23: shifted, and no problem",
        "R40600020" + "0000009803A604500050000F000F006400640070000000000001550055000001",
        None,
        "R",
        0x4060,
        0x20,
        {},
    ),
    Sample(
        "drink counters of a GS3 MP",
        "R0020002C" + "0000024C000000000000000000000000000000000000024C000002430000000000000000000002430000015C",
        None,
        "R",
        0x0020,
        0x2C,
        {
            "drinks_k1": 588,
            "drinks_k2": 0,
            "drinks_k3": 0,
            "drinks_k4": 0,
            "continuous": 0,
            "total_coffee": 588,
            "hot_water": 579,
            "drink_mystery": 0,
            "total_coffee_activations": 0,
            "hot_water_2": 579,
            "drinks_hot_water": 348,
            "total_flushing": -588,
        },
    ),
)
"""Messages that owners posted, serial numbers blanked."""

SAMPLE_NAMES = [sample.name for sample in SAMPLES]
