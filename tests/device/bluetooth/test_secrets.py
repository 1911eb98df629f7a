"""The Bluetooth token reaches nobody but the machine: no log, error, traceback or Record, whatever a program logs."""

from __future__ import annotations

import asyncio
import logging
import traceback

import pytest

from lmdecode.device.bluetooth.driver import BluetoothDriver
from lmdecode.device.changing import making, previewing
from lmdecode.device.errors import MachineError
from lmdecode.device.session import Session, take_snapshot
from tests.simulator.bluetooth.bare import TOKEN, served

OTHER = "fedcba9876543210" * 4
SPELLINGS = [
    spelled
    for each in (TOKEN, OTHER)
    for spelled in (each[:16], each.encode().hex()[:24], str([*each[:6].encode()]), str([*each[:6].encode()])[1:-1])
]


@pytest.fixture
def logged(caplog):
    """Everything that any logger says; asyncio's and bumble's too."""
    root, names = logging.getLogger(), ("asyncio", "bleak", "bumble", "dbus_fast", "h11", "wsproto")
    before = {name: logging.getLogger(name).level for name in ("root", *names)}
    with caplog.at_level(logging.DEBUG):
        for name in names:
            logging.getLogger(name).setLevel(logging.DEBUG)
        yield caplog
    for name, level in before.items():
        (root if name == "root" else logging.getLogger(name)).setLevel(level)


def used(token, *faults):
    """What a program sees of the client in asyncio's debug mode: Records, errors with their tracebacks, texts."""
    seen = []

    async def use():
        asyncio.get_running_loop().slow_callback_duration = 0.0  # each callback is logged, with its arguments
        async with served(*faults) as machine:
            machine.server.gatt.pairing = not token
            driver = BluetoothDriver(
                radio=f"tcp-client:127.0.0.1:{machine.port}",
                device=machine.server.gatt.name,
                token=token,
                search_time=2.0,
                timeout=1.0,
            )
            connections = []

            def connection(number):
                connections.append(driver.connection(number, seen.append, listens=True))
                return connections[-1]

            try:
                async with Session(connection) as session:
                    await take_snapshot(session, driver.snapshot())
                    preview = await session.run(previewing(driver.plan("coffee_set_temp", ["91"])))
                    seen.append(await session.run(making(preview)))
            except MachineError as error:
                seen.append("".join(traceback.format_exception(error)))
            for each in connections:
                seen.extend([each, vars(each)["_requester"], vars(each)["_peer"], each.lost])
            seen.extend([driver, machine.server, machine.notes, machine.records])

    asyncio.run(use(), debug=True)
    return seen


@pytest.mark.parametrize(
    ("token", "faults"),
    [(TOKEN, ()), (OTHER, ()), ("", ()), (TOKEN, ("close",)), (TOKEN, ("error", "lost-after"))],
    ids=["accepted", "another machine's", "told in pairing mode", "closed", "lost after a command"],
)
def test_the_token_is_nowhere(logged, capfd, token, faults):
    seen = used(token, *faults)
    captured = capfd.readouterr()
    texts = [repr(seen), *map(str, seen), logged.text, captured.out, captured.err]
    assert "asyncio" in logged.text
    assert not [spelled for spelled in SPELLINGS for text in texts if spelled in text]
