"""The machine's memory map: every register that is known, once."""

# The machine's API is peek and poke on one 16-bit address space, so what a message means follows from its address
# alone. Everything else reads this map: decoder, writes, `explain`, `registers`, simulator, Wireshark plugin, the page
# of the docs. A new register is one row here, and nothing else. What the app happens to read together is in `windows`,
# what a model has is in `model`, how bytes become a value is in `values`.
#
# Sources: the public lmdirect library (0.1.0 to 0.9.4) and its Home Assistant integration, whose ranges these are, and
# machine logs that owners posted. Nothing is from the maker, and nobody has tried the machine beyond these ranges.
#
# What a row may claim depends on how sure we are of it. Each row says `sure`, and `seen_on` if it was seen on one
# firmware only. A row is *confirmed* if it was seen, and not on a single firmware only. Bytes that are no value of a
# confirmed row are damage, and make a problem. Bytes that are no value of any other row say something about the row,
# not about the machine: they make neither a field nor a problem, stay visible as data, and `explain` shows them as no
# known value. Every capture of a GS3 MP used to have a problem for that reason, though nothing was wrong with the
# machine.
#
# The row alone decides this, for all machines alike. To let the machine decide was considered. But a decoder knows
# model and firmware of few connections, and of none before the first status. And equal frames would have to give
# unequal messages, so no decoder could keep what a frame says.
#
# Rows are in the order of addresses, the whole before its parts. A name may stand at several addresses, since the
# machine keeps copies; one copy at most is writable. The functions below are the blocks that the machine is read in;
# loops make the rows that differ in a number only.

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from lmdecode.codec.confidence import Confidence
from lmdecode.codec.record import Value
from lmdecode.codec.v1.register import KEYS, MODELS, Access, Derived, Redundancy, Register, models_with
from lmdecode.codec.v1.values import (
    FieldType,
    bit_set,
    clock,
    enumeration,
    fixed_point,
    flag,
    front_panel,
    low_bit,
    opaque,
    scaled,
    text,
    unsigned,
    version,
)

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The days of the schedule, in the order of the machine's memory."""

PULSE_ML: Final = 0.5
"""Millilitres of water in one pulse of the flow meter, about; the sources are no more exact."""

SHORTEST_COFFEE: Final = 4.0
"""Seconds. A shorter pour is a flush, which counts as an activation but not as a coffee. The limit is our choice, since
nobody has written down the machine's."""

_ALL_MODELS: Final = tuple(MODELS)
_HEATING_BITS: Final = (
    "pump_on",
    "brew_solenoid_on",
    "boiler_fill_solenoid_on",
    "hot_water_solenoid_on",
    "heating_on",
    "coffee_heater_on",
    "steam_heater_on",
)
_AUTO_BITS: Final = ("global_auto", *(f"{day}_auto" for day in DAYS))

_TEMPERATURE: Final = scaled(2, 10)
_TENTHS: Final = scaled(1, 10)
_SERIAL: Final = text(12)
_COUNT: Final = unsigned(4)
_BYTE: Final = unsigned(1)
_PULSES: Final = unsigned(2)


def _row(  # a row of the map, in the order in which people read one
    address: int,
    name: str | None,
    type: FieldType,  # noqa: A002 -- the field's name in Register
    unit: str | None = None,
    sure: Confidence = Confidence.SEEN,
    *,
    write: tuple[float, float] | bool = False,
    models: tuple[str, ...] = _ALL_MODELS,
    seen_on: str = "",
    formerly: str = "",
    note: str = "",
    access: Access | None = None,
    secret: bool = False,
) -> Register:
    minimum, maximum = write if isinstance(write, tuple) else (None, None)
    facts = (f"seen on {seen_on} only" if seen_on else "", f"formerly {formerly}" if formerly else "", note)
    return Register(
        address=address,
        name=name,
        type=type,
        unit=unit,
        sure=sure,
        access=access or (Access.READ_WRITE if write else Access.READ),
        minimum=minimum,
        maximum=maximum,
        models=models,
        seen_on=seen_on,
        formerly=formerly,
        note="; ".join(filter(None, facts)),
        secret=secret,
    )


def _configuration() -> Iterator[Register]:
    yield _row(0x0000, "power", flag(), write=True, note="false: standby")
    yield _row(
        0x0002,
        "standby_timer",
        _BYTE,
        "min",
        Confidence.INFERRED,
        note="60 on a GS3 MP, 0 on a GS3 AV; the cloud has a STBY_TIMER",
    )
    yield _row(0x0003, None, opaque(4), sure=Confidence.UNKNOWN, note="02, then three characters like n19, n20")
    yield _row(0x0007, "coffee_set_temp", _TEMPERATURE, "°C", write=(87, 100))
    yield _row(0x0009, "steam_set_temp", _TEMPERATURE, "°C", write=(110, 132))
    yield _row(
        0x000B,
        "prebrew_flag",
        enumeration({0: "off", 1: "prebrewing", 2: "preinfusion"}),
        write=True,
        models=models_with("prebrewing"),
    )
    for base, name in ((0x000C, "prebrewing_ton"), (0x0010, "prebrewing_toff")):
        for key in range(1, 5):
            yield _row(
                base + key - 1, f"{name}_k{key}", _TENTHS, "s", write=(0, 5.9), models=models_with("prebrewing", key)
            )
    for key in KEYS:
        yield _row(
            0x0014 + 2 * (key - 1),
            f"dose_k{key}",
            _PULSES,
            "pulses",
            write=(1, 1000),
            models=models_with("doses", key),
            note=f"of the flow meter, about {PULSE_ML} ml each",
        )
    yield _row(0x001E, "dose_hot_water", _BYTE, "s", write=(1, 30), models=models_with("hot_water_dose"))


def _counters() -> Iterator[Register]:
    names = (
        *(f"drinks_k{key}" for key in range(1, 5)),
        "continuous",
        "total_coffee",
        "hot_water",
        "drink_mystery",
        "total_coffee_activations",
        "hot_water_2",
        "drinks_hot_water",
    )
    notes = {
        "total_coffee": "the sum of the five counts before it",
        "drink_mystery": "counts up now and then; nobody knows what",
    }
    for index, name in enumerate(names):
        yield _row(0x0020 + 4 * index, name, _COUNT, note=notes.get(name, "the name is claimed"))
    heating = "the source calls it minutes once, hours once"
    yield _row(0x0050, "coffee_heating_element_hours", _COUNT, "h", Confidence.CLAIMED, note=heating)
    yield _row(0x0054, "steam_heating_element_hours", _COUNT, "h", Confidence.CLAIMED, note=heating)
    # The source calls it seconds. A GS3 AV had 38,770 of them, 10.8 hours, beside 38,144 seconds of its pump, which
    # would never have rested, and 2,339 coffees. A GS3 MP had 16,251, 4.5 hours, beside 107 and 134 hours of heating.
    # In hours both would have run for longer than since they were built, 7,337 and 8,120 hours before. In minutes they
    # ran for 646 and 271 of these hours, and everything fits. Two newer machines, which speak JSON, agree: only in
    # minutes does their `machine_ontime` fit heaters in hours and a pump in seconds.
    yield _row(
        0x0058,
        "machine_running_minutes",
        _COUNT,
        "min",
        Confidence.INFERRED,
        formerly="machine_running_seconds",
        note="the source calls it seconds; only minutes fit the pump, the heaters and the coffees of two machines",
    )
    yield _row(0x005C, "hours_since_built", _COUNT, "h", Confidence.CLAIMED)
    yield _row(0x0060, "pump_on_seconds", _COUNT, "s", Confidence.CLAIMED)
    yield _row(0x0064, "water_on_seconds", _COUNT, "s", Confidence.CLAIMED)


def _identity() -> Iterator[Register]:
    claimed = Confidence.CLAIMED
    yield _row(0x0070, None, opaque(64), sure=claimed, note="unused, all FF")
    for address in (0x00B0, 0x00C0):
        yield _row(address, "module_ser_num", _SERIAL, sure=claimed, note="Sn and ten digits")
    yield _row(0x00D0, "machine_name", text(16), sure=claimed)
    yield _row(
        0x00E1,
        "command",
        enumeration({0x81: "steam_boiler_on", 0x01: "steam_boiler_off", 0x82: "start_backflush"}),
        sure=claimed,
        access=Access.WRITE,
        note="does what is written; holds nothing to read",
    )
    for key in range(1, 5):
        yield _row(
            0x00E2 + key - 1,
            f"preinfusion_k{key}",
            _TENTHS,
            "s",
            claimed,
            write=(0, 24.9),
            models=models_with("preinfusion", key),
        )
    yield _row(
        0x0100,
        "machine_ser_num",
        text(17, prefix="Z"),
        note="GS… for a GS3, LM… for a Linea Mini; the Z before it is left out",
    )
    yield _row(
        0x0111,
        None,
        opaque(0x3F),
        sure=claimed,
        secret=True,
        note="the machine's own cloud account: a GUID, NUL, a password, NUL",
    )
    yield _row(0x0150, "cloud_broker", text(28), sure=claimed, note="an mqtts:// URL")


def _clock_and_schedule() -> Iterator[Register]:
    yield _row(0x0300, "clock", clock(), write=True, note="the machine's own time, of no zone")
    parts = ("second", "minute", "hour", "dayofweek", "day", "month", "year")
    notes = {"dayofweek": "ISO: 1 Monday to 7 Sunday", "year": "since 2000"}
    for index, name in enumerate(parts):
        yield _row(0x0300 + index, name, _BYTE, note=notes.get(name, ""))
    yield _row(0x0310, "auto_bitfield", bit_set(_AUTO_BITS), write=True, note="to change one bit, read first")
    for base, part, last in ((0x0311, "hour", 23), (0x031F, "min", 59)):
        for index, day in enumerate(DAYS):
            for offset, event in enumerate(("on", "off")):
                yield _row(
                    base + 2 * index + offset,
                    f"{day}_{event}_{part}",
                    _BYTE,
                    "h" if part == "hour" else "min",
                    write=(0, last),
                    note="lmdirect writes the minutes one byte too far" if part == "min" else "",
                )


def _status() -> Iterator[Register]:
    yield _row(0x4001, "firmware_ver", version())
    yield _row(0x4003, "module_ser_num", _SERIAL)
    yield _row(0x400F, "power_mystery", _BYTE, sure=Confidence.UNKNOWN, note="0 or 1")
    yield _row(0x4011, "key_active", _BYTE, sure=Confidence.CLAIMED, note="the button being used, 0 for none")
    yield _row(0x4013, "current_pulse_count", _PULSES, "pulses", Confidence.CLAIMED)
    yield _row(0x4017, "power", flag(), note="a copy")
    yield _row(0x4018, "water_reservoir_contact", flag(), note="true: water present")
    yield _row(0x401B, "heating_state", bit_set(_HEATING_BITS))
    yield _row(0x401C, "coffee_temp", _TEMPERATURE, "°C", note="in the boiler")
    yield _row(0x401E, "steam_temp", _TEMPERATURE, "°C")
    yield _row(0x4020, "mystery_1", _BYTE, sure=Confidence.UNKNOWN)
    yield _row(0x4021, "mystery_2", _BYTE, sure=Confidence.UNKNOWN)
    yield _row(0x4022, "steam_boiler_enable", low_bit(), note="the other bits are unknown; switch it by `command`")


def _factory() -> Iterator[Register]:
    on = "GS3 AV, firmware 1.40"
    note = "on a GS3 MP with 1.23 the block looks shifted by a byte"
    yield _row(0x4063, "t_unit", enumeration({0: "C", 1: "F"}), seen_on=on, note=note)
    yield _row(0x4074, "pid_offset", _TENTHS, seen_on=on, note=note)
    yield _row(0x4076, "water_filter_liters", _BYTE, "l", seen_on=on, note=note)
    yield _row(0x407B, "brew_group_offset_raw", unsigned(2, "little"), seen_on=on, note=note)
    yield _row(0x407D, "factory_offset", _BYTE, seen_on=on, note=note)


def _water_flow() -> Iterator[Register]:
    yield _row(0x6000, "module_ser_num", _SERIAL)
    yield _row(0x600C, "flow_key", _BYTE, note="the button")
    yield _row(0x600D, "flow_rate", enumeration({0: "low", 1: "high"}))
    yield _row(
        0x600E,
        "flow_seconds",
        fixed_point(2, 4),
        "s",
        Confidence.INFERRED,
        note="the source notes 12 whole and 4 fractional bits, but prints the raw number",
    )
    yield _row(0x6010, "flow_pulses", _PULSES, "pulses", note=f"about {PULSE_ML} ml each")
    yield _row(0x6012, "coffee_temp", _TEMPERATURE, "°C")
    yield _row(0x6014, "steam_temp", _TEMPERATURE, "°C")
    yield _row(0x60DA, None, opaque(18), sure=Confidence.UNKNOWN)
    yield _row(0x60EF, "front_panel_display", front_panel(16), note="□ is a heater that is off, ■ one that is on")


def _in_order() -> Iterator[Register]:
    yield from _configuration()
    yield from _counters()
    yield from _identity()
    yield from _clock_and_schedule()
    yield from _status()
    yield from _factory()
    yield from _water_flow()


REGISTERS: Final[tuple[Register, ...]] = tuple(_in_order())
"""The map in the order of addresses. Of two rows at one address the longer comes first."""


def _bit(name: str, of: str) -> Derived:
    def compute(names: list[str]) -> bool:
        return name in names

    return Derived(
        name=name,
        inputs=(of,),
        compute=compute,
        json="boolean",
        formula=f"a bit of {of}",
        redundancy=Redundancy.PART,
        sure=Confidence.CLAIMED if name == "boiler_fill_solenoid_on" else Confidence.SEEN,
        models=_ALL_MODELS,
    )


def _mode(name: str, word: str) -> Derived:
    def compute(prebrew_flag: str) -> bool:
        return prebrew_flag == word

    return Derived(
        name=name,
        inputs=("prebrew_flag",),
        compute=compute,
        json="boolean",
        formula=f"prebrew_flag is {word}",
        redundancy=Redundancy.PART,
        sure=Confidence.SEEN,
        models=models_with("prebrewing"),
    )


_DIGITS: Final = tuple(f"{byte:02}" for byte in range(256))  # a schedule without legal times asks for 28 of them


def _no_clock_time(hour: int, minute: int) -> str | None:
    return f"{_DIGITS[hour]}:{_DIGITS[minute]} is not a time of day" if hour > 23 or minute > 59 else None


def _clock_time(hour: int, minute: int) -> Value:
    wrong = _no_clock_time(hour, minute)
    if wrong is not None:
        raise ValueError(wrong)
    return f"{_DIGITS[hour]}:{_DIGITS[minute]}"


def _time_of_day(name: str) -> Derived:
    return Derived(
        name=f"{name}_time",
        inputs=(f"{name}_hour", f"{name}_min"),
        compute=_clock_time,
        refuse=_no_clock_time,
        json="string",
        formula=f"{name}_hour:{name}_min",
        redundancy=Redundancy.WHOLE,
        sure=Confidence.SEEN,
        models=_ALL_MODELS,
    )


def _group_offset(t_unit: str, raw: int, factory_offset: int) -> float:
    if factory_offset == 0:
        return 0.0
    in_celsius = raw * 200 / 360 if t_unit == "F" else raw
    return 2 * round((in_celsius - 100) / 10, 1)


DERIVED: Final[tuple[Derived, ...]] = (
    _mode("enable_prebrewing", "prebrewing"),
    _mode("enable_preinfusion", "preinfusion"),
    Derived(
        name="total_flushing",
        inputs=("total_coffee_activations", "total_coffee"),
        compute=int.__sub__,
        json="integer",
        formula="total_coffee_activations − total_coffee",
        redundancy=Redundancy.NONE,
        sure=Confidence.SEEN,
        models=_ALL_MODELS,
    ),
    Derived(
        name="days_since_built",
        inputs=("hours_since_built",),
        compute=lambda hours: hours / 24,
        json="number",
        formula="hours_since_built ÷ 24",
        redundancy=Redundancy.NONE,
        sure=Confidence.CLAIMED,
        unit="d",
        models=_ALL_MODELS,
    ),
    *(_bit(name, "auto_bitfield") for name in _AUTO_BITS),
    *(_time_of_day(f"{day}_{event}") for day in DAYS for event in ("on", "off")),
    *(_bit(name, "heating_state") for name in _HEATING_BITS),
    Derived(
        name="brew_group_offset",
        inputs=("t_unit", "brew_group_offset_raw", "factory_offset"),
        compute=_group_offset,
        json="number",
        formula="0 if factory_offset is 0, else 2 × round((raw − 100) ÷ 10, 1); raw × 200 ÷ 360 first in °F",
        redundancy=Redundancy.NONE,
        sure=Confidence.CLAIMED,
        unit="°C",
        models=_ALL_MODELS,
        note="coffee_temp − brew_group_offset is the temperature set at the group",
    ),
)
"""Values computed from registers, in the order in which they are shown."""

DERIVED_BY_NAME: Final[Mapping[str, Derived]] = {row.name: row for row in DERIVED}
BIT_SETS: Final[Mapping[str, str]] = {
    bit: row.name for row in REGISTERS if row.name and row.type.name == "bit set" for bit in row.type.words
}
"""The register of each bit that has a name."""

UNITS: Final[Mapping[str, str]] = {
    **{row.name: row.unit for row in REGISTERS if row.name and row.unit},
    **{row.name: row.unit for row in DERIVED if row.unit},
}
"""The unit of each value that has one."""


FORMER_NAMES: Final[Mapping[str, str]] = {row.formerly: row.name for row in REGISTERS if row.formerly and row.name}
"""The names of today by those of earlier versions. Where users type names, both work."""


def by_name(name: str) -> tuple[Register, ...]:
    """The rows of a name: the writable one first, then by address. Returns () if no row has it."""
    name = FORMER_NAMES.get(name, name)
    rows = [register for register in REGISTERS if register.name == name]
    return tuple(sorted(rows, key=lambda register: not register.writable))
