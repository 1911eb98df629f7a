"""A morning with a machine over Bluetooth, as a watch of its own client sees it: hours pass in no time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lmdecode.analysis.shots import find_shots
from lmdecode.app import watch as app_watch
from lmdecode.app.watch import JsonlLog, Watch
from lmdecode.capture import decode_capture
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.speakers import Speakers
from lmdecode.config.targets import BluetoothTarget
from lmdecode.device.bluetooth.driver import BluetoothDriver
from lmdecode.render.watch.scene import scene_of
from tests.device import virtual
from tests.device.bluetooth.peripheral import TOKEN, Peripheral, near

_NOW = 1_791_200_000  # s since 1970
_OLD_UPDATE = {"BrewingUpdateGroup1Time": 5.41, "BrewingUpdateGroup1Ev": True, "BrewingUpdateGroup1Backflush": False}


class Morning(Peripheral):
    """A machine that repeats, to whoever subscribes, what it said last."""

    def __init__(self) -> None:
        super().__init__()
        self.values["machineMode"] = "BrewingMode"
        self.last: dict[str, Any] = _OLD_UPDATE

    async def subscribe(self, characteristic: str, on_value: Any) -> None:
        await self.step("subscribe", characteristic)
        self._on_value = on_value
        super().notify(self.last)

    def notify(self, event: Any) -> None:
        self.last = event
        super().notify(event)


def pour(seconds: float, stopped: str) -> Iterator[tuple[float, dict[str, Any]]]:
    """What a machine says of water, and how many seconds before each it waits."""
    yield 0.0, {"BrewingStartedGroup1DoseIndex": "ContinuousDose"}
    passed = 0.0
    for step in range(int((seconds - 0.1) // 1.07) + 1):
        at = 0.1 + step * 1.07
        yield at - passed, {**_OLD_UPDATE, "BrewingUpdateGroup1Time": round(at, 3)}
        passed = at
    name = f"{stopped}StoppedGroup1"
    how = {f"{name}StopType": "Continuous", f"{name}StopReason": "Manual"} if stopped == "Brewing" else {}
    yield seconds - passed, {**how, f"{name}DoseIndex": "ContinuousDose", f"{name}Time": seconds}


def test_a_morning_of_two_connections(monkeypatch, tmp_path):
    machine = Morning()
    radio = near(machine)
    driver = BluetoothDriver(token=TOKEN, opened=lambda: radio)
    monkeypatch.setattr(app_watch, "driver_for", lambda *_, **__: driver)
    labels: list[Any] = []

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        monkeypatch.setattr(time, "time_ns", lambda: round((_NOW + loop.time() - begun) * 1e9))
        with JsonlLog(tmp_path / "morning.jsonl") as log:
            watch = Watch(BluetoothTarget(name=None), timeout=3, interval=5, wait=False, on_record=log.write)

            def look() -> Any:
                scene = scene_of(watch.machine, watch.watcher, watch.about, span=600, keys=True, now_ns=time.time_ns())
                label = None if scene.timer is None else (scene.timer.label, scene.timer.running)
                if not labels or labels[-1] != label:
                    labels.append(label)
                return scene

            async def tell(seconds: float, stopped: str) -> None:
                for pause, event in pour(seconds, stopped):
                    await asyncio.sleep(pause)
                    machine.notify(event)
                    look()
                await asyncio.sleep(20)
                look()

            task = asyncio.create_task(watch.run(None))
            await asyncio.sleep(2)
            look()
            await tell(1.9, "Flush")
            machine.notify({"SteamBoilerUpdateTemperature": 127})
            await tell(12.8, "Brewing")
            await tell(9.2, "Flush")
            machine.values["machineMode"] = "StandBy"
            machine.notify({"MachineMode": "StandBy"})
            machine.notify({"Sleep": "command"})
            machine.lose()
            await asyncio.sleep(600)
            scene = look()
            watch.stop()
            return scene, await task

    scene, summary = virtual.run(main())
    ends = ("flush", "shot", "flush")
    assert labels == [None, *(label for end in ends for label in (("water", True), (end, False), None))]
    assert (summary.shots, summary.flushes, summary.unended, summary.connections) == (1, 2, 0, 2)
    assert [(shot.what.value, shot.seconds) for shot in scene.finished] == [
        ("flush", 9.2),
        ("coffee", 12.8),
        ("flush", 1.9),
    ]
    assert all(shot.end_ns - shot.start_ns == pytest.approx(shot.seconds * 1e9, abs=1e6) for shot in scene.finished)
    assert scene.fields["power"] is False
    lines = (tmp_path / "morning.jsonl").read_text(encoding="utf-8").splitlines()
    replays = [json.loads(line) for line in lines if json.loads(line).get("extra", {}).get("replay")]
    assert [each["plaintext"] for each in replays] == [json.dumps(_OLD_UPDATE), '{"Sleep": "command"}']
    records = list(decode_capture(tmp_path / "morning.jsonl", Speakers.open(OwnerAccess())))
    found = find_shots(records)
    assert [(shot.what.value, shot.seconds) for shot in found] == [("flush", 1.9), ("coffee", 12.8), ("flush", 9.2)]
