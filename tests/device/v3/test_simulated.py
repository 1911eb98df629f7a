"""Our client and the simulated gateway of v3 see the same, and so does a real tcpdump between them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lmdecode.codec.record import Record
from lmdecode.codec.v3.requester import CONFIGURATION
from lmdecode.device.errors import (
    BadAnswerError,
    BusyError,
    ConnectionLostError,
    MachineError,
    NoConnectionError,
    NotReadyError,
    WrongKeyError,
)
from lmdecode.device.session import Session, take_snapshot
from lmdecode.device.v3.driver import WebDriver
from lmdecode.simulator.faults import parse_fault
from lmdecode.simulator.v3.faults import V3_FAULTS
from lmdecode.simulator.v3.server import Server
from lmdecode.simulator.v3.stream import Form
from tests.simulator.v3.client import KEY, server

QUICK = 20.0  # simulated seconds a second


def driver(machine: Server, **options: Any) -> WebDriver:
    options.setdefault("timeout", 1.0)
    return WebDriver(host=machine.host, port=machine.port, key=options.pop("key", KEY), **options)


async def listened(machine: Server, records: list[Record]) -> None:
    """Listen while a shot is pulled, ask beside it, and disconnect.

    After the shot no time passes for the machine: what it says while we close, only the other side has.
    """
    stopped = asyncio.Event()

    def note(record: Record) -> None:
        records.append(record)
        if "brew_stopped_seconds" in record.fields:
            stopped.set()
            machine._tick = lambda _: []

    connection = driver(machine).connection(0, note, listens=True)
    await connection.connect()
    try:
        machine.machine.physics.pull_shot(1, 4)
        await asyncio.wait_for(stopped.wait(), 10)
        await connection.ask(CONFIGURATION)
        await connection.ask(CONFIGURATION)
    finally:
        await connection.close()


def lines_of(records: Iterable[Mapping[str, object]]) -> dict[object, list[dict[str, object]]]:
    """Lines of JSON, by the app's address; without what a client cannot know, or measures itself."""
    found: dict[object, list[dict[str, object]]] = defaultdict(list)
    for record in records:
        line = dict(record)
        for name in ("time", "stream", "elapsed", "machine"):
            line.pop(name, None)
        found[line["source" if line["sender"] == "app" else "destination"]].append(line)
    return dict(found)


@pytest.mark.parametrize("form", list(Form))
def test_both_sides_have_the_same_records(form: Form) -> None:
    ours: list[Record] = []
    theirs: list[Record] = []

    async def go() -> None:
        async with server(speed=QUICK, form=form, on_record=theirs.append) as machine:
            await listened(machine, ours)
            await asyncio.sleep(0.05)

    asyncio.run(go())
    names = {name for record in ours for name in record.fields}
    assert {"coffee_temp", "brew_started_key", "brew_stopped_seconds", "flow_seconds", "module_ser_num"} <= names
    assert not [record for record in ours if record.problems]
    assert lines_of(map(Record.as_dict, ours)) == lines_of(map(Record.as_dict, theirs))


def test_a_snapshot_and_a_refusal() -> None:
    async def go(*faults: str, **options: Any) -> object:
        async with server(*faults, **options) as machine:
            found = driver(machine)
            session = Session(found.connection, pause=0.01)
            try:
                return (await take_snapshot(session, found.snapshot())).fields
            finally:
                await session.close()

    fields = asyncio.run(go())
    assert isinstance(fields, dict)
    assert {"coffee_temp", "steam_set_temp", "power", "firmware_ver"} <= fields.keys()
    with pytest.raises(NotReadyError):
        asyncio.run(go(loaded_after=60))
    with pytest.raises(WrongKeyError):
        asyncio.run(go("wrong-bearer"))
    assert isinstance(asyncio.run(go("half:1")), dict)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("forbidden", NotReadyError),
        ("wrong-bearer", WrongKeyError),
        ("drop", BusyError),
        ("half", BadAnswerError),
        ("not-json", NoConnectionError),
        ("garbage", NoConnectionError),
        ("cut", BadAnswerError),
        ("reset", BusyError),
        ("close", BusyError),
        ("close-stream", BusyError),
        ("silent", ConnectionLostError),
        ("bad-frame", ConnectionLostError),
        ("busy", BusyError),
        ("never", BusyError),
        ("tls", NoConnectionError),
    ],
)
def test_each_fault_is_told_from_the_others(fault: str, error: type[MachineError]) -> None:
    async def go() -> MachineError:
        async with server(fault, speed=QUICK) as machine:
            connection = driver(machine, timeout=0.6, keep_alive=0.3).connection(0, listens=True)
            try:
                await connection.connect()
                return await asyncio.wait_for(connection.wait_lost(), 5)
            except MachineError as failure:
                return failure
            finally:
                await connection.close()

    found = asyncio.run(go())
    assert type(found) is error, found
    assert "\n" not in str(found)


@pytest.mark.parametrize("refuse", [False, True])
def test_a_second_client_has_the_configuration_but_not_the_stream(*, refuse: bool) -> None:
    async def go() -> None:
        async with server(refuse_second=refuse) as machine:
            first = driver(machine).connection(0, listens=True)
            second = driver(machine, timeout=0.3).connection(1, listens=True)
            third = driver(machine, timeout=0.3).connection(2, listens=True)
            try:
                await first.connect()
                with pytest.raises(BusyError, match="another program has the stream"):
                    await second.connect()
                await second.close()
                assert first.lost is None
                await first.close()
                await third.connect()
            finally:
                for each in (first, second, third):
                    await each.close()

    asyncio.run(go())


@contextlib.contextmanager
def recorded(path: Path, port: int) -> Iterator[None]:
    """Record what is said on a port of this computer."""
    line = ["tcpdump", "-i", "lo", "-U", "--immediate-mode", "-w", str(path), "tcp", "port", str(port)]
    with subprocess.Popen(line, stderr=subprocess.PIPE) as tcpdump:
        try:
            assert tcpdump.stderr
            tcpdump.stderr.readline()  # that it listens
            yield
            size = -1
            while size != path.stat().st_size:  # until nothing more comes
                size = path.stat().st_size
                time.sleep(0.2)
        finally:
            tcpdump.send_signal(signal.SIGINT)
            tcpdump.wait(10)


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may capture")
def test_what_tcpdump_records_decodes_to_what_we_have_seen(tmp_path: Path) -> None:
    records: list[Record] = []
    path = tmp_path / "ours.pcap"

    async def go() -> int:
        async with server(speed=QUICK) as machine:
            with recorded(path, machine.port):
                await listened(machine, records)
                machine.faults.add(parse_fault("forbidden", V3_FAULTS))
                connection = driver(machine).connection(1, records.append)
                await connection.connect()
                with pytest.raises(NotReadyError):
                    await connection.ask(CONFIGURATION)
                await connection.close()
                await asyncio.sleep(0.1)
            return machine.port

    port = asyncio.run(go())
    line = [sys.executable, "-m", "lmdecode", "decode", str(path), "--port", str(port), "-f", "jsonl"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LMDECODE")}
    environment |= {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    decoded = subprocess.run(
        line, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert decoded.returncode == 0, decoded.stderr
    ours = lines_of(map(Record.as_dict, records))
    assert lines_of(map(json.loads, decoded.stdout.splitlines())) == ours
    assert len(ours) == 4
    assert sum("brew_stopped_seconds" in record.fields for record in records) == 1
    assert KEY.secret.decode() not in decoded.stdout + decoded.stderr
