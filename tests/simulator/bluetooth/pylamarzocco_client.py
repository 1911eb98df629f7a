"""Runs in pylamarzocco's own environment: its Bluetooth client reads all it can, and sets all it can.

What came of it is printed as JSON. The library connects with bleak, and finds the function that does so in a name of
its module; here that name is given one that connects by bumble.
"""

import asyncio
import functools
import importlib.util
import json
import sys
from typing import Any

from bleak import BleakClient
from pylamarzocco.clients import _bluetooth as theirs
from pylamarzocco.const import BoilerType, SmartStandByType

RADIO, TOKEN, BACKEND, NAME = sys.argv[1:]


def _backend() -> Any:
    """Our backend of bleak, which needs nothing else of ours."""
    spec = importlib.util.spec_from_file_location("bumble_backend", BACKEND)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bumble_backend"] = module
    spec.loader.exec_module(module)
    return module


async def _found(radio: Any) -> Any:
    devices = []
    enough = asyncio.Event()

    def heard(said: Any) -> None:
        if said.device.name == NAME:
            devices.append(said.device)
            enough.set()

    await radio.scan(heard, asyncio.wait_for(enough.wait(), 5))
    return devices[0]


async def _read(client: theirs.LaMarzoccoBluetoothClient) -> dict[str, Any]:
    return {
        "mode": str(await client.get_machine_mode()),
        "capabilities": (await client.get_machine_capabilities()).to_dict(),
        "boilers": [each.to_dict() for each in await client.get_boilers()],
        "tank": await client.get_tank_status(),
        "standby": (await client.get_smart_standby_settings()).to_dict(),
    }


async def _shot(client: Any) -> list[Any]:
    """The shot that is pulled when somebody listens, as the library follows it."""
    updates: list[Any] = []
    ended = asyncio.Event()

    def take(update: Any) -> None:
        updates.append(update)
        if update.state.name == "BREWING_STOPPED":
            ended.set()

    if await client.start_shot_counter(take):
        sys.stderr.write("listening\n")
        sys.stderr.flush()
        await asyncio.wait_for(ended.wait(), 10)
        await client.stop_shot_counter()
    return [[each.state.name, each.timer_value, each.final_shot_time] for each in updates]


async def main() -> None:
    module = _backend()

    async def connect(_class: Any, device: Any, _name: str, **options: Any) -> BleakClient:
        on_lost = options.get("disconnected_callback")
        client = BleakClient(device, disconnected_callback=on_lost, backend=module.BumbleClient)
        await client.connect()
        return client

    theirs.establish_connection = connect
    theirs.BleakClient = functools.partial(BleakClient, backend=module.BumbleClient)
    radio = module.BumbleRadio(RADIO)
    device = await _found(radio)
    found: dict[str, Any] = {"advertised": device.name}
    client = theirs.LaMarzoccoBluetoothClient(device, TOKEN)
    found["before"] = await _read(client)
    found["confirmed"] = [
        (await client.set_temp(BoilerType.COFFEE, 91.5)).status,
        (await client.set_temp(BoilerType.STEAM, 128)).status,
        (await client.set_steam(False)).status,
        (await client.set_smart_standby(True, SmartStandByType.POWER_ON, 42)).status,
    ]
    found["refused"] = (await client.set_temp(BoilerType.STEAM, 90)).status
    if hasattr(client, "start_shot_counter"):  # since 2.5
        found["shot"] = await _shot(client)
    found["confirmed"].append((await client.set_power(False)).status)
    found["after"] = await _read(client)
    await client.disconnect()
    found["token"] = await theirs.LaMarzoccoBluetoothClient.read_token(device)
    await radio.close()
    json.dump(found, sys.stdout, default=str)


asyncio.run(main())
