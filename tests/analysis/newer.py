"""Records of the newer generations: one machine's morning, as each of them tells it. Used by several tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from lmdecode.codec.record import Kind, Record, Value

START_NS = 1_795_229_755_000_000_000
MACHINE = "MR012345"


def iso(second: float) -> str:
    """A second of the morning as a field has it."""
    at = datetime.fromtimestamp(START_NS / 1e9 + second, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def pushed(
    second: float,
    generation: str,
    values: Mapping[str, Value],
    *,
    kind: Kind = Kind.STREAM,
    extra: Mapping[str, object] | None = None,
    machine: str | None = MACHINE,
    stream: int = 0,
) -> Record:
    """A message of the machine, or of the cloud about it."""
    end, subject = {
        "v3": ("192.168.1.20:8081", "WebSocket /api/v1/streaming"),
        "bluetooth": ("AA:BB:CC:00:00:01", "0e0b notify"),
        "cloud1": ("gw-lmz.lamarzocco.io:443", f"200 GET /v1/home/machines/{MACHINE}/status"),
        "lion": ("lion.lamarzocco.io:443", f"MESSAGE /ws/sn/{MACHINE}/dashboard"),
    }[generation]
    return Record(
        START_NS + round(second * 1e9),
        stream,
        "machine",
        end,
        "192.168.1.50:50000",
        kind,
        "report" if kind is Kind.STREAM else "response",
        plaintext=json.dumps({**values, **(extra or {})}),
        fields=values,
        machine=None if generation == "v3" else machine,
        generation=generation,
        subject=subject if kind is Kind.STREAM or generation == "cloud1" else f"200 GET {subject.split()[-1]}",
        extra=extra or {},
    )


def brewed(begin: float, seconds: float, stop: str, generation: str, key: int = 5) -> list[Record]:
    """A brewing with start, updates and stop; with pulses on the local stream."""
    has_pulses = generation == "v3"
    records = [pushed(begin, generation, {"brew_started_key": key})]
    at = 0.1
    while at < seconds:
        values: dict[str, Value] = {"flow_seconds": round(at, 3), "brew_solenoid_on": True}
        if has_pulses:
            values["flow_pulses"] = round(max(at - 4, 0) * 4.8)
        records.append(pushed(begin + at, generation, values))
        at += 1.07
    ended: dict[str, Value] = {f"{stop}_stopped_key": key, f"{stop}_stopped_seconds": seconds}
    if has_pulses:
        ended[f"{stop}_stopped_pulses"] = round(max(seconds - 4, 0) * 4.8)
    return [*records, pushed(begin + seconds, generation, ended)]


def warmed(generation: str) -> list[Record]:
    """A machine that is switched on and becomes hot."""
    records = [pushed(5, generation, {"power": True})]
    for index in range(25):
        coffee, steam = min(30 + 3 * index, 93), min(35.0 + 4 * index, 126)
        records.append(pushed(10 + 14.0 * index, generation, {"coffee_temp": float(coffee), "steam_temp": steam}))
    return records


def local_morning() -> list[Record]:
    """The morning on the local stream of gateway v3."""
    config: dict[str, Value] = {"coffee_set_temp": 93.0, "steam_set_temp": 126.0, "power": False, "dose_k1": 115}
    config |= {"firmware_ver": "1.40", "model": "LINEA", "steam_boiler_enable": True}
    records = [pushed(0, "v3", config, kind=Kind.READ, extra={"recipes[0].id": "A", "brand_new": {"a": 1}})]
    records += warmed("v3")
    records += [
        pushed(380, "v3", {"water_reservoir_contact": False}),
        pushed(395, "v3", {"water_reservoir_contact": True}),
    ]
    records += brewed(400, 3.4, "flush", "v3", 1) + brewed(420, 28, "brew", "v3", 1) + brewed(520, 30, "brew", "v3", 2)
    return [*records, pushed(700, "v3", {"power": False})]


def radio_morning() -> list[Record]:
    """The morning by Bluetooth: the serial number is not known at first, and the first notification is a replay."""
    nameless = pushed(0, "bluetooth", {}, extra={"replay": True, "flow_seconds": 3.3}, machine=None)
    boilers: dict[str, Value] = {"coffee_set_temp": 93.0, "steam_set_temp": 126.0, "power": False}
    records = [nameless, pushed(1, "bluetooth", boilers, kind=Kind.READ, extra={"boilers[0].new": 1})]
    records += warmed("bluetooth")
    records += brewed(400, 3.4, "flush", "bluetooth") + brewed(420, 28, "brew", "bluetooth")
    asked = wrote(600, "bluetooth", "0b0b write SettingBoilerTarget", {"coffee_set_temp": 94.0})
    records += [asked, answered(asked, 601, ok=True)]
    records += brewed(620, 31, "brew", "bluetooth")[:-4]
    return [*records, pushed(700, "bluetooth", {"power": False})]


def wrote(second: float, generation: str, subject: str, values: Mapping[str, Value]) -> Record:
    """A request that writes."""
    like = pushed(second, generation, values, kind=Kind.WRITE)
    return like._replace(
        sender="app", source=like.destination, destination=like.source, role="request", subject=subject
    )


def answered(asked: Record, second: float, *, ok: bool | None) -> Record:
    """Its answer."""
    return asked._replace(
        time_ns=START_NS + round(second * 1e9),
        sender="machine",
        source=asked.destination,
        destination=asked.source,
        role="response",
        ok=ok,
        fields={},
        request=asked,
        subject=f"200 {asked.subject}",
    )


def cloud_morning() -> list[Record]:
    """The morning as the cloud tells it: no measured temperature, words, and coffees of before."""

    def coffee(second: float, seconds: float) -> dict[str, object]:
        at = (START_NS + round(second * 1e9)) // 1_000_000
        return {"time": at, "extractionSeconds": seconds, "doseIndex": "Continuous", "doseValue": None}

    def status(second: float, last: dict[str, object], **values: Value) -> Record:
        values["last_coffee_time"] = iso((int(str(last["time"])) * 1_000_000 - START_NS) / 1e9)
        document = {"widgets": [{"code": "CMMachineStatus", "output": {"lastCoffee": last}}]}
        return pushed(second, "lion", values)._replace(plaintext=json.dumps(document))

    signin = pushed(0, "lion", {}, kind=Kind.READ, machine=None)._replace(subject="200 POST /auth/signin")
    before = [coffee(-86_400 * day + 900, 25.0 + day) for day in range(1, 5)]
    statistics = pushed(2, "lion", {}, kind=Kind.READ, extra={"LAST_COFFEE.lastCoffees": before})
    first: dict[str, Value] = {"power": False, "machine_status": "StandBy", "coffee_set_temp": 93.0, "steam_level": 2}
    first |= {"coffee_boiler_status": "StandBy", "steam_boiler_status": "StandBy", "steam_boiler_enable": True}
    first |= {"model": "LINEA MICRA", "gateway_ver": "v5.4.13", "total_coffee": 1200, "total_flushing": 300}
    heating: dict[str, Value] = {"power": True, "machine_status": "PoweredOn", "coffee_boiler_status": "HeatingUp"}
    heating["steam_boiler_status"] = "HeatingUp"
    on = wrote(5, "lion", f"POST /things/{MACHINE}/command/CoffeeMachineChangeMode", {"power": True})
    set_higher = wrote(
        600,
        "lion",
        f"POST /things/{MACHINE}/command/CoffeeMachineSettingCoffeeBoilerTargetTemperature",
        {"coffee_set_temp": 94.0},
    )
    flushes = wrote(650, "lion", f"POST /things/{MACHINE}/command/CoffeeMachineBackFlushStartCleaning", {})
    return [
        signin,
        statistics,
        status(3, before[0], **first)._replace(extra={"CMCupWarmer": {"warmth": 3}}),
        on,
        answered(on, 5.4, ok=None),
        pushed(10, "lion", heating)._replace(request=on, ok=True),
        pushed(200, "lion", {"coffee_boiler_status": "Ready"}),
        pushed(260, "lion", {"steam_boiler_status": "Ready"}),
        pushed(380, "lion", {"water_reservoir_contact": False, "coffee_boiler_status": "NoWater"}),
        pushed(398, "lion", {"water_reservoir_contact": True, "coffee_boiler_status": "Ready"}),
        pushed(422, "lion", {"machine_status": "Brewing", "brewing_since": iso(420)}),
        status(450, coffee(448, 28.0), machine_status="PoweredOn"),
        pushed(523, "lion", {"machine_status": "Brewing", "brewing_since": iso(520)}),
        status(552, coffee(550, 30.0), machine_status="PoweredOn"),
        set_higher,
        answered(set_higher, 600.5, ok=None),
        pushed(605, "lion", {"coffee_set_temp": 94.0})._replace(request=set_higher, ok=True),
        flushes,
        answered(flushes, 650.5, ok=None),
        pushed(
            700,
            "lion",
            {
                "power": False,
                "machine_status": "StandBy",
                "coffee_boiler_status": "StandBy",
                "steam_boiler_status": "StandBy",
            },
        ),
    ]
