"""What a simulated machine says of itself in JSON: the same to the gateway's HTTP, to its stream, and over Bluetooth.

The shapes are those of published answers of real machines; where the gateways up to v3 and v5 differ, those of v3. What
nothing in a simulated machine decides, such as a scale that is not there, is a value of one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from lmdecode.codec.v1.memory_map import DAYS
from lmdecode.simulator.families import buttons_of

if TYPE_CHECKING:
    from lmdecode.simulator.json_machine import JsonMachine

COFFEE: Final = "CoffeeBoiler1"
STEAM: Final = "SteamBoiler"
_GROUP: Final = "Group1"
_DAY_NAMES: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNSET: Final = "24:0"
_PREBREWING: Final = {"off": "Disabled", "prebrewing": "Enabled", "preinfusion": "TypeB"}
_GRAMS: Final = (32, 45)  # of the two doses of a Linea Mini with a scale


def dose_name(key: int) -> str:
    """Returns what JSON calls a button: DoseA to DoseD, or ContinuousDose."""
    return f"Dose{'ABCD'[key - 1]}" if 1 <= key <= 4 else "ContinuousDose"


def plain(number: float) -> float:
    """Returns a number as JSON writes it: a whole one without a point."""
    return int(number) if number == int(number) else round(number, 1)


def mode(machine: JsonMachine) -> str:
    """Returns whether it is on, in the maker's word."""
    return "BrewingMode" if machine.physics.on else "StandBy"


def tank_status(machine: JsonMachine) -> bool:
    """Returns whether there is water in the tank."""
    return machine.registers.get("water_reservoir_contact") is not False


def boilers(machine: JsonMachine, *, whole: bool = False) -> list[dict[str, Any]]:
    """Returns the boilers.

    Args:
        machine: The machine.
        whole: Whether temperatures that are measured are whole degrees, as in Bluetooth.
    """
    number = machine.registers.number

    def boiler(identifier: str, name: str, *, enabled: bool) -> dict[str, Any]:
        current = number(f"{name}_temp", 0)
        return {
            "id": identifier,
            "isEnabled": enabled,
            "target": plain(number(f"{name}_set_temp", 0)),
            "current": round(current) if whole else plain(current),
        }

    return [
        boiler(STEAM, "steam", enabled=machine.registers.get("steam_boiler_enable") is not False),
        boiler(COFFEE, "coffee", enabled=True),
    ]


def target_temperatures(machine: JsonMachine) -> dict[str, float]:
    """Returns the targets of the boilers once more."""
    return {each["id"]: each["target"] for each in boilers(machine)}


def capabilities(machine: JsonMachine) -> list[dict[str, Any]]:
    """Returns what the machine has."""
    return [
        {
            "family": machine.family.word,
            "groupsNumber": 1,
            "coffeeBoilersNumber": 1,
            "hasCupWarmer": False,
            "steamBoilersNumber": 1,
            "teaDosesNumber": int(machine.family.tea),
            "machineModes": ["BrewingMode", "StandBy"],
            "schedulingType": "smartWakeUpSleep",
        }
    ]


def smart_standby(machine: JsonMachine) -> dict[str, Any]:
    """Returns the standby that follows some minutes without use."""
    standby = machine.standby
    return {"mode": standby.after, "minutes": standby.minutes, "enabled": standby.enabled}


def group_capabilities(machine: JsonMachine) -> list[dict[str, Any]]:
    """Returns the group, with its doses."""
    family = machine.family
    doses: list[tuple[str, str, float]] = [
        (dose_name(key), "PulsesType", machine.registers.number(f"dose_k{key}", 0)) for key in buttons_of(family)
    ]
    if family.scale:
        doses = [("DoseA", "MassType", _GRAMS[0])]
    return [
        {
            "capabilities": {
                "groupType": family.group,
                "groupNumber": _GROUP,
                "boilerId": COFFEE,
                "hasScale": False,
                "hasFlowmeter": not family.paddle,
                "numberOfDoses": len(doses),
            },
            "doses": [
                {"groupNumber": _GROUP, "doseIndex": name, "doseType": kind, "stopTarget": plain(target)}
                for name, kind, target in doses
            ],
            "doseMode": {"groupNumber": _GROUP, "brewingType": "ManualType" if family.paddle else "PulsesType"},
        }
    ]


def preinfusion_settings(machine: JsonMachine) -> dict[str, Any]:
    """Returns prebrewing and preinfusion as gateway v3 has them: a pair of times, of the mode that is on."""
    registers = machine.registers
    flag = str(registers.get("prebrew_flag") or "off")
    number = registers.number

    def pair(key: int) -> tuple[float, float]:
        if flag == "preinfusion":
            return 0, number(f"preinfusion_k{key}", 0)
        return number(f"prebrewing_ton_k{key}", 0), number(f"prebrewing_toff_k{key}", 0)

    keys = buttons_of(machine.family) or range(1, 2)
    return {
        "mode": _PREBREWING.get(flag, "Disabled"),
        _GROUP: [
            {"groupNumber": _GROUP, "doseType": dose_name(key), "preWetTime": plain(on), "preWetHoldTime": plain(hold)}
            for key in keys
            for on, hold in (pair(key),)
        ],
    }


def configuration(machine: JsonMachine, *, weekly: bool = False) -> dict[str, Any]:
    """Returns the configuration, as the gateway answers it.

    Args:
        machine: The machine.
        weekly: Whether it has the schedule of the gateways until March 2024.
    """
    registers, family = machine.registers, machine.family
    found: dict[str, Any] = {
        "version": "v1",
        "preinfusionModesAvailable": ["ByDoseType"],
        "machineCapabilities": capabilities(machine),
        "machine_sn": registers.get("module_ser_num"),
        "machine_hw": family.hardware,
        "isPlumbedIn": machine.plumbed_in,
        "isBackFlushEnabled": machine.backflush_enabled,
        "standByTime": plain(registers.number("standby_timer", 0)),
        "tankStatus": tank_status(machine),
        "settings": [],
    }
    if family.scale:
        found |= _doses_by_weight()
    found |= {
        "groupCapabilities": group_capabilities(machine),
        "machineMode": mode(machine),
        "teaDoses": {
            "DoseA": {"doseIndex": "DoseA", "stopTarget": plain(registers.number("dose_hot_water", 0))},
        },
        "boilers": boilers(machine),
        "boilerTargetTemperature": target_temperatures(machine),
        "preinfusionMode": {_GROUP: {"groupNumber": _GROUP, "preinfusionStyle": "PreinfusionByDoseType"}},
        "preinfusionSettings": preinfusion_settings(machine),
    }
    if weekly:
        found["machineCapabilities"][0]["schedulingType"] = "weeklyScheduling"
        found["weeklySchedulingConfig"] = _week(machine)
    else:
        found["wakeUpSleepEntries"] = [*_wake_ups(machine)]
        found["smartStandBy"] = smart_standby(machine)
    return found | {
        "clock": registers.get("clock"),
        "firmwareVersions": [
            {"name": "machine_firmware", "fw_version": str(registers.get("firmware_ver"))},
            {"name": "gateway_firmware", "fw_version": machine.gateway},
        ],
    }


def _doses_by_weight() -> dict[str, Any]:
    recipes = [{"id": name, "target": grams} for name, grams in zip("AB", _GRAMS, strict=True)]
    return {
        "recipes": [{"id": "Recipe1", "dose_mode": "Mass", "recipe_doses": recipes}],
        "recipeAssignment": [{"dose_index": "DoseA", "recipe_id": "Recipe1", "recipe_dose": "A", "group": _GROUP}],
        "scale": {"connected": False, "address": "44:b7:d0:00:00:00", "name": "LMZ-000A00", "battery": 64},
    }


def _days(machine: JsonMachine) -> Iterator[tuple[str, bool, tuple[int, int, int, int]]]:
    """Yields for each day its name, whether the machine is switched by the clock, and hours and minutes of on, off."""
    for name, day in zip(_DAY_NAMES, DAYS, strict=True):
        number = machine.registers.number
        on_hour, on_minute, off_hour, off_minute = (
            int(number(f"{day}_{event}_{part}", 0)) for event in ("on", "off") for part in ("hour", "min")
        )
        yield name, _is_set(machine, f"{day}_auto"), (on_hour, on_minute, off_hour, off_minute)


def _is_set(machine: JsonMachine, bit: str) -> bool:
    bits = machine.registers.get("auto_bitfield")
    return isinstance(bits, list) and bit in bits


def _week(machine: JsonMachine) -> dict[str, Any]:
    week: dict[str, Any] = {"enabled": _is_set(machine, "global_auto")}
    for name, enabled, (h_on, m_on, h_off, m_off) in _days(machine):
        week[name] = {"enabled": enabled, "h_on": h_on, "m_on": m_on, "h_off": h_off, "m_off": m_off}
    return week


def _wake_ups(machine: JsonMachine) -> Iterator[dict[str, Any]]:
    """Yields the schedule as entries, one for all days that are alike."""
    everything = _is_set(machine, "global_auto")
    alike = sorted(_days(machine), key=lambda day: day[1:])
    for index, ((enabled, times), days) in enumerate(groupby(alike, key=lambda day: day[1:]), 1):
        names = {name for name, *_ in days}
        h_on, m_on, h_off, m_off = times
        is_set = times[:2] != times[2:]
        yield {
            "id": f"WakeUp{index}",
            "days": [name for name in _DAY_NAMES if name in names],
            "steam": True,
            "enabled": everything and enabled and is_set,
            "timeOn": f"{h_on}:{m_on}" if is_set else _UNSET,
            "timeOff": f"{h_off}:{m_off}" if is_set else _UNSET,
        }


def statistics(machine: JsonMachine) -> dict[str, Any]:
    """Returns the counters."""

    def count(name: str) -> int:
        return int(machine.registers.number(name, 0))

    return {
        "groups": [
            {
                "doses": [
                    *({dose_name(key): count(f"drinks_k{key}")} for key in range(1, 5)),
                    {"ContinuousDose": count("continuous")},
                ],
                "clean": 0,
                "ev_activations": count("total_coffee_activations"),
                "ev_ontime": count("water_on_seconds"),
            }
        ],
        "tot_doses": count("total_coffee"),
        "boilers": [
            {"rsteam_ontime": count("steam_heating_element_hours")},
            {"rcoffee_ontime": count("coffee_heating_element_hours")},
        ],
        "tea": {"count": count("drinks_hot_water"), "ev_activation": count("hot_water"), "ev_ontime": 0},
        "pump_ontime": count("pump_on_seconds"),
        "machine_ontime": count("machine_running_minutes"),
        "refill_ontime": 0,
        "count_liter": 0,
    }


def system_info(machine: JsonMachine, *, clients: int = 1) -> dict[str, Any]:
    """Returns what the gateway says of itself.

    Args:
        machine: The machine.
        clients: How many listen to the stream.
    """
    return {
        "network_interfaces": [
            {"name": "wlan0", "address": "192.0.2.17", "mac": "00:00:5e:00:53:17", "channel": 6, "rssi": -58}
        ],
        "connections": {"ws": clients, "ble": 0, "mqtt": 0, "wifi": 1},
        "up_time": int(machine.seconds),
        "curr_time": machine.registers.get("clock"),
        "boot_reason": "PowerOn",
    }
