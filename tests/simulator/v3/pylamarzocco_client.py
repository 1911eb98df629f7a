"""Runs in the environment of pylamarzocco 1.4: it reads a machine with gateway v3, and follows it to its standby.

What came of it is printed as JSON. There is no cloud and no Bluetooth, and so no token that it could have loaded.
"""

import asyncio
import json
import logging
import sys

from pylamarzocco.clients.local import LaMarzoccoLocalClient
from pylamarzocco.devices.machine import LaMarzoccoMachine
from pylamarzocco.exceptions import AuthFail

HOST, PORT, KEY, MODEL = sys.argv[1:]


class Complaints(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def plain(value: object) -> object:
    """A configuration as JSON can have it: the library's classes as objects, its words as text."""
    if isinstance(value, dict):
        return {str(getattr(name, "name", name)): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if hasattr(value, "__dict__") and not isinstance(value, str | int):
        return plain(vars(value))
    return value


async def main() -> None:
    complaints = Complaints()
    logging.getLogger("pylamarzocco").addHandler(complaints)
    client = LaMarzoccoLocalClient(HOST, KEY, int(PORT))
    machine = LaMarzoccoMachine(MODEL, "MR000000", "simulated", local_client=client)
    refusals = 0
    while True:
        try:
            await machine.get_config()
            break
        except AuthFail:
            refusals += 1
            await asyncio.sleep(0.1)
    before = plain(vars(machine.config))
    seen: list[object] = []

    def heard() -> None:
        config = machine.config
        seen.append([config.brew_active, config.brew_active_duration])
        if len(seen) == 1:
            sys.stderr.write("listening\n")
            sys.stderr.flush()
        if not config.turned_on and client.websocket is not None:
            over.set()

    over = asyncio.Event()
    stream = asyncio.create_task(machine.websocket_connect(heard))
    await asyncio.wait_for(over.wait(), 60)
    after = plain(vars(machine.config))
    told = machine._system_info
    await machine.websocket_disconnect()
    await stream
    await machine.get_config()
    again = plain(vars(machine.config))
    found = {"before": before, "after": after, "again": again, "seen": seen, "system": told, "refusals": refusals}
    json.dump({**found, "complaints": complaints.texts, "firmware": plain(machine.firmware)}, sys.stdout)
    await client._client.close()


asyncio.run(main())
