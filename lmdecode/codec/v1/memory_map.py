"""The machine's memory map: every fact about its memory, once.

Sources: the public lmdirect library (0.1.0 to 0.9.4) and its Home Assistant integration, whose ranges these are, and
machine logs that owners posted. Nothing is from the maker, and nobody has tried the machine beyond these ranges. Each
row says how sure we are (`Sure`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from lmdecode.codec.record import Value
from lmdecode.codec.v1.register import Access, Derived, Register, Sure, Telling, Window
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

GS3_AV: Final = "GS3 AV"
GS3_MP: Final = "GS3 MP"
LINEA_MINI: Final = "Linea Mini"
MODELS: Final = (GS3_AV, GS3_MP, LINEA_MINI)
"""The models that speak this protocol, under the names that the cloud gives them."""

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The days of the schedule, in the order of the machine's memory."""

PULSE_ML: Final = 0.5
"""About how many millilitres of water a pulse of the flow meter is; the sources say no more than that."""

SHORTEST_COFFEE: Final = 4.0
"""Seconds; less is a flush, which counts as an activation but not as a coffee. Where the machine draws the line nobody
has written down: our choice."""

KEYS: Final = range(1, 6)
"""The buttons that pour coffee, as their registers are numbered; the last one pours until it is stopped."""
_KEYS_OF: Final = {1: (GS3_AV, LINEA_MINI)}  # the Linea Mini has key 1 only; the GS3 MP has none

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
    sure: Sure = Sure.SEEN,
    *,
    write: tuple[float, float] | bool = False,
    models: tuple[str, ...] = MODELS,
    note: str = "",
    access: Access | None = None,
    secret: bool = False,
) -> Register:
    minimum, maximum = write if isinstance(write, tuple) else (None, None)
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
        note=note,
        secret=secret,
    )


def _configuration() -> Iterator[Register]:
    yield _row(0x0000, "power", flag(), write=True, note="false: standby")
    yield _row(
        0x0002,
        "standby_timer",
        _BYTE,
        "min",
        Sure.INFERRED,
        note="60 on a GS3 MP, 0 on a GS3 AV; the cloud has a STBY_TIMER",
    )
    yield _row(0x0003, None, opaque(4), sure=Sure.UNKNOWN, note="02, then three characters like n19, n20")
    yield _row(0x0007, "coffee_set_temp", _TEMPERATURE, "°C", write=(87, 100))
    yield _row(0x0009, "steam_set_temp", _TEMPERATURE, "°C", write=(110, 132))
    yield _row(
        0x000B,
        "prebrew_flag",
        enumeration({0: "off", 1: "prebrewing", 2: "preinfusion"}),
        write=True,
        models=(GS3_AV, LINEA_MINI),
    )
    for base, name in ((0x000C, "prebrewing_ton"), (0x0010, "prebrewing_toff")):
        for key in range(1, 5):
            yield _row(
                base + key - 1,
                f"{name}_k{key}",
                _TENTHS,
                "s",
                write=(0, 5.9),
                models=_KEYS_OF.get(key, (GS3_AV,)),
            )
    for key in KEYS:
        yield _row(
            0x0014 + 2 * (key - 1),
            f"dose_k{key}",
            _PULSES,
            "pulses",
            write=(1, 1000),
            models=_KEYS_OF.get(key, (GS3_AV,)),
            note=f"of the flow meter, about {PULSE_ML} ml each",
        )
    yield _row(
        0x001E,
        "dose_hot_water",
        _BYTE,
        "s",
        write=(1, 30),
        models=(GS3_AV, GS3_MP),
    )


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
        yield _row(
            0x0020 + 4 * index,
            name,
            _COUNT,
            note=notes.get(name, "the name is claimed"),
        )
    heating = "the source calls it minutes once, hours once"
    for index, (name, unit, note) in enumerate(
        (
            ("coffee_heating_element_hours", "h", heating),
            ("steam_heating_element_hours", "h", heating),
            ("machine_running_seconds", "s", ""),
            ("hours_since_built", "h", ""),
            ("pump_on_seconds", "s", ""),
            ("water_on_seconds", "s", ""),
        )
    ):
        yield _row(0x0050 + 4 * index, name, _COUNT, unit, Sure.CLAIMED, note=note)


def _identity() -> Iterator[Register]:
    claimed = Sure.CLAIMED
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
            models=_KEYS_OF.get(key, (GS3_AV,)),
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
    yield _row(
        0x0310,
        "auto_bitfield",
        bit_set(_AUTO_BITS),
        write=True,
        note="to change one bit, read first",
    )
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
    yield _row(0x400F, "power_mystery", _BYTE, sure=Sure.UNKNOWN, note="0 or 1")
    yield _row(0x4011, "key_active", _BYTE, sure=Sure.CLAIMED, note="the button being used, 0 for none")
    yield _row(0x4013, "current_pulse_count", _PULSES, "pulses", Sure.CLAIMED)
    yield _row(0x4017, "power", flag(), note="a copy")
    yield _row(0x4018, "water_reservoir_contact", flag(), note="true: water present")
    yield _row(0x401B, "heating_state", bit_set(_HEATING_BITS))
    yield _row(0x401C, "coffee_temp", _TEMPERATURE, "°C", note="in the boiler")
    yield _row(0x401E, "steam_temp", _TEMPERATURE, "°C")
    yield _row(0x4020, "mystery_1", _BYTE, sure=Sure.UNKNOWN)
    yield _row(0x4021, "mystery_2", _BYTE, sure=Sure.UNKNOWN)
    yield _row(
        0x4022,
        "steam_boiler_enable",
        low_bit(),
        note="the other bits are unknown; switch it by `command`",
    )


def _factory() -> Iterator[Register]:
    note = "seen on firmware 1.40 only; on 1.23 the block looks shifted by a byte"
    yield _row(0x4063, "t_unit", enumeration({0: "C", 1: "F"}), note=note)
    yield _row(0x4074, "pid_offset", _TENTHS, note=note)
    yield _row(0x4076, "water_filter_liters", _BYTE, "l", note=note)
    yield _row(0x407B, "brew_group_offset_raw", unsigned(2, "little"), note=note)
    yield _row(0x407D, "factory_offset", _BYTE, note=note)


def _water_flow() -> Iterator[Register]:
    yield _row(0x6000, "module_ser_num", _SERIAL)
    yield _row(0x600C, "flow_key", _BYTE, note="the button")
    yield _row(0x600D, "flow_rate", enumeration({0: "low", 1: "high"}))
    yield _row(
        0x600E,
        "flow_seconds",
        fixed_point(2, 4),
        "s",
        Sure.INFERRED,
        note="the source notes 12 whole and 4 fractional bits, but prints the raw number",
    )
    yield _row(0x6010, "flow_pulses", _PULSES, "pulses", note=f"about {PULSE_ML} ml each")
    yield _row(0x6012, "coffee_temp", _TEMPERATURE, "°C")
    yield _row(0x6014, "steam_temp", _TEMPERATURE, "°C")
    yield _row(0x60DA, None, opaque(18), sure=Sure.UNKNOWN)
    yield _row(
        0x60EF,
        "front_panel_display",
        front_panel(16),
        note="□ is a heater that is off, ■ one that is on",
    )


def _in_order() -> Iterator[Register]:
    yield from _configuration()
    yield from _counters()
    yield from _identity()
    yield from _clock_and_schedule()
    yield from _status()
    yield from _factory()
    yield from _water_flow()


REGISTERS: Final[tuple[Register, ...]] = tuple(_in_order())
"""The map, in the order of addresses; of two rows at one address the longer comes first."""


def _bit(name: str, of: str) -> Derived:
    def compute(names: list[str]) -> bool:
        return name in names

    return Derived(
        name=name,
        inputs=(of,),
        compute=compute,
        json="boolean",
        formula=f"a bit of {of}",
        telling=Telling.AGAIN,
        sure=Sure.CLAIMED if name == "boiler_fill_solenoid_on" else Sure.SEEN,
        models=MODELS,
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
        telling=Telling.AGAIN,
        sure=Sure.SEEN,
        models=(GS3_AV, LINEA_MINI),
    )


def _clock_time(hour: int, minute: int) -> Value:
    if hour > 23 or minute > 59:
        raise ValueError(f"{hour:02}:{minute:02} is not a time of day")
    return f"{hour:02}:{minute:02}"


def _time_of_day(name: str) -> Derived:
    return Derived(
        name=f"{name}_time",
        inputs=(f"{name}_hour", f"{name}_min"),
        compute=_clock_time,
        json="string",
        formula=f"{name}_hour:{name}_min",
        telling=Telling.WHOLE,
        sure=Sure.SEEN,
        models=MODELS,
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
        telling=Telling.NEW,
        sure=Sure.SEEN,
        models=MODELS,
    ),
    Derived(
        name="days_since_built",
        inputs=("hours_since_built",),
        compute=lambda hours: hours / 24,
        json="number",
        formula="hours_since_built ÷ 24",
        telling=Telling.NEW,
        sure=Sure.CLAIMED,
        unit="d",
        models=MODELS,
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
        telling=Telling.NEW,
        sure=Sure.CLAIMED,
        unit="°C",
        models=MODELS,
        note="coffee_temp − brew_group_offset is the temperature set at the group",
    ),
)
"""Values worked out from registers, in the order in which they are shown."""

DERIVED_BY_NAME: Final[Mapping[str, Derived]] = {row.name: row for row in DERIVED}
BIT_SETS: Final[Mapping[str, str]] = {
    bit: row.name for row in REGISTERS if row.name and row.type.name == "bit set" for bit in row.type.words
}
"""By the name of a bit, the register that it is a bit of."""

WINDOWS: Final[tuple[Window, ...]] = (
    Window(0x0000, 0x1F, "configuration"),
    Window(0x0020, 0x2C, "drink counters"),
    Window(0x0050, 0x18, "usage"),
    Window(0x00E2, 0x04, "preinfusion"),
    Window(0x0100, 0x11, "serial number"),
    Window(0x0300, 0x07, "clock"),
    Window(0x0310, 0x01, "auto on/off"),
    Window(0x0310, 0x1D, "schedule"),
    Window(0x4000, 0x20, "status", "older firmware"),
    Window(0x4000, 0x23, "status", "newer firmware"),
    Window(0x401C, 0x04, "temperatures", "also an unasked-for report"),
    Window(0x4022, 0x01, "steam boiler", "also an unasked-for report"),
    Window(0x4060, 0x20, "factory"),
    Window(0x6000, 0x16, "water flow", "pushed while water flows"),
    Window(0x60DA, 0x12, "unknown block"),
    Window(0x60EF, 0x10, "front panel"),
)
"""The windows that app and machine are known to use. Any other one decodes just as well."""

EFFECTS: Final[Mapping[str, tuple[str, Value]]] = {
    "steam_boiler_on": ("steam_boiler_enable", True),
    "steam_boiler_off": ("steam_boiler_enable", False),
}
"""By the word that is written to `command`: the register in which its effect can be read. A backflush shows nowhere."""
HAZARDS: Final[Mapping[tuple[str, Value | None], str]] = {
    ("power", True): "heats the boilers",
    ("coffee_set_temp", None): "sets how hot the coffee boiler gets",
    ("steam_set_temp", None): "sets how hot the steam boiler gets",
    ("command", "steam_boiler_on"): "heats the steam boiler",
    ("command", "start_backflush"): "moves water under pressure",
}
"""What writes do that heat or move water, by register and value, None for any value. Our own judgement."""

USUAL_READ: Final = 0x10
"""Bytes; reads of so many are answered wherever there is something to be read, the sources say."""
LARGEST_READ: Final = 0x30
"""Bytes; larger reads get no answer, the sources say. Reads of up to 0x2C are seen to be answered."""

SNAPSHOT: Final = tuple(
    window
    for window in WINDOWS
    if window.name not in {"water flow", "unknown block"}
    and not any(
        other.address <= window.address and window.address + window.length <= other.address + other.length
        for other in WINDOWS
        if other is not window and other.length <= LARGEST_READ
    )
)
"""What to read to know all that the map knows of a machine: each window that is in no other."""

_BY_WINDOW: Final = {(window.address, window.length): window for window in WINDOWS}
REPORTS: Final = tuple(_BY_WINDOW[window] for window in ((0x401C, 0x04), (0x4022, 0x01), (0x0300, 0x07)))
"""What the machine says unasked on an open connection, about one a second, in turn."""
ALIVE: Final = min(REPORTS, key=lambda window: window.length)
"""The least to ask for to see whether a machine answers."""
WATER_FLOW: Final = _BY_WINDOW[0x6000, 0x16]
"""What the machine pushes while water flows."""
STATUS: Final = (_BY_WINDOW[0x4000, 0x23], _BY_WINDOW[0x4000, 0x20])
"""How the machine is: on newer firmware, and on older."""
OPENING: Final[tuple[tuple[Window, ...], ...]] = (
    STATUS,
    *(
        (_BY_WINDOW[window],)
        for window in (
            (0x0000, 0x1F),
            (0x0310, 0x1D),
            (0x0020, 0x2C),
            (0x0050, 0x18),
            (0x60EF, 0x10),
            (0x00E2, 0x04),
            (0x4060, 0x20),
        )
    ),
)
"""What lmdirect 0.9.4 asks after it has connected, and at each update, in this order, one of those in each place; the
maker's app may differ."""

_MOVING: Final = frozenset(
    {"clock", "drink counters", "usage", "temperatures", "water flow", "front panel"},
)
VOLATILE: Final = frozenset(
    row.name
    for row in REGISTERS
    if row.name in {"heating_state", "key_active", "current_pulse_count"}
    or (
        row.name not in {None, "module_ser_num"}
        and any(
            window.name in _MOVING and window.address <= row.address and row.end <= window.address + window.length
            for window in WINDOWS
        )
    )
)
"""The names of the registers that change though nobody sets them. Our own judgement."""

UNITS: Final[Mapping[str, str]] = {
    **{row.name: row.unit for row in REGISTERS if row.name and row.unit},
    **{row.name: row.unit for row in DERIVED if row.unit},
}
"""The unit of each name that has one."""


def by_name(name: str) -> tuple[Register, ...]:
    """All rows of a name, a writable one first, then by address; empty when there is none."""
    rows = [register for register in REGISTERS if register.name == name]
    return tuple(sorted(rows, key=lambda register: not register.writable))


def window_name(address: int, length: int) -> str | None:
    """What people call this window; None for one that no table lists.

    >>> window_name(0x4000, 0x20)
    'status'
    """
    window = _BY_WINDOW.get((address, length))
    return None if window is None else window.name
