"""A watch of a machine that pushes: what is known of its shots, what is written of it, and what is shown."""

from __future__ import annotations

import asyncio
import io
import time

import pytest
from rich.console import Console

from lmdecode.analysis.pour import What
from lmdecode.analysis.shots import find_shots
from lmdecode.app import watch as app_watch
from lmdecode.app.errors import CommandError
from lmdecode.app.watch import JsonlLog, Watch
from lmdecode.capture import decode_capture
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.speakers import Speakers
from lmdecode.config.targets import BluetoothTarget
from lmdecode.device import watch as watching
from lmdecode.device.errors import UnsupportedError
from lmdecode.render.shots import as_jsonl
from lmdecode.render.watch.scene import scene_of, summary_text
from lmdecode.render.watch.screen import WatchScreen
from tests.device.pushing import NAME, TOKEN, Machine, Pushing, started, stopped, update

PATIENCE = 5.0


class Seen:
    """A watch at work."""

    def __init__(self, machine, **options):
        self.machine, self.records, self.told = machine, [], []
        self.watch = Watch(
            BluetoothTarget(name=options.pop("name", None)),
            timeout=1.0,
            interval=0.05,
            wait=True,
            on_record=options.pop("on_record", self.records.append),
            on_link=self.told.append,
            **options,
        )

    def scene(self, after=0.0):
        now_ns = self.machine.now_ns + round(after * 1e9)
        return scene_of(
            self.watch.machine,
            self.watch.watcher,
            self.watch.about,
            span=300.0,
            keys=True,
            now_ns=now_ns,
            remark=self.watch.remark,
        )

    def screen(self, width=80, height=24, after=0.0):
        file = io.StringIO()
        console = Console(file=file, width=width, height=height, force_terminal=True, _environ={}, color_system=None)
        console.print(WatchScreen(self.scene(after)), height=height)
        return file.getvalue()

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE):
            while not condition(self):  # noqa: ASYNC110 -- what changes is not ours
                await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    monkeypatch.setattr(watching, "_FIRST_PAUSE", 0.05)
    monkeypatch.setattr(app_watch, "driver_for", lambda _, **__: Pushing(MACHINES[-1]))


MACHINES = []


def seen_of(story, generation="bluetooth", **options):
    """What a watch sees while a story is told, which is given the watch and the machine; and its summary."""

    async def run():
        machine = Machine(generation, remark=options.pop("remark", ""))
        MACHINES.append(machine)
        seen = Seen(machine, **options)
        task = asyncio.create_task(seen.watch.run(None))
        await seen.until(lambda seen: seen.watch.watcher.connections and "model" in seen.watch.machine.fields)
        await story(seen, machine)
        seen.watch.stop()
        return seen, await task

    return asyncio.run(run())


async def back(seen, machine):
    """The connection is lost and is there again; the machine repeats what it said last."""
    machine.lose()
    count = seen.watch.watcher.connections
    await seen.until(lambda seen: seen.watch.watcher.connections > count)


def test_the_replay_starts_no_shot_and_shows_no_old_temperature():
    async def story(seen, machine):
        machine.say({"BrewingUpdateGroup1Time": 3.34, "CoffeeBoiler1UpdateTemperature": 20})
        assert seen.scene().running is None
        assert seen.watch.machine.fields["coffee_temp"] == 92
        await back(seen, machine)
        machine.say(started())
        assert seen.scene().running is None
        assert not any("replay" in line for line in seen.screen().splitlines())

    seen, summary = seen_of(story)
    assert (summary.shots, summary.flushes, summary.unended) == (0, 0, 0)
    assert [record.extra["replay"] for record in seen.records if record.subject == "0e0b notify"] == [True, True]


def test_a_shot_and_a_flush_are_told_apart_at_their_ends():
    async def story(seen, machine):
        machine.say({"Sleep": "command"})
        machine.pour(9.3)
        assert (seen.scene().timer.label, seen.scene().timer.running) == ("water", True)
        machine.say(stopped(9.3, "Flush"))
        assert (seen.scene().timer.label, seen.scene().timer.seconds) == ("flush", 9.3)
        machine.wait(5)
        machine.pour(12.7)
        assert seen.scene().timer.label == "water"
        machine.say(stopped(12.7))
        scene = seen.scene()
        assert [shot.what for shot in scene.finished] == [What.COFFEE, What.FLUSH]
        assert (scene.timer.label, scene.timer.running) == ("shot", False)
        assert "since the start: 1 shot, 1 flush" in seen.screen()

    _, summary = seen_of(story)
    assert (summary.shots, summary.flushes, summary.unended) == (1, 1, 0)
    said = summary_text(9, 0, summary.shots, 1, flushes=summary.flushes, unended=summary.unended)
    assert said == "9 messages, 1 shot, 1 flush"


def test_a_shot_whose_end_was_lost():
    async def story(seen, machine):
        machine.say({"Sleep": "command"})
        machine.pour(1.2, update(1.2))
        await back(seen, machine)
        assert seen.scene().timer is None
        machine.say(update(1.2))  # replayed
        assert seen.scene().running is None
        machine.wait(30)
        machine.pour(25.3, stopped(25.3))
        screen = seen.screen()
        assert "water      1.2 s  its end was lost" in screen
        assert "since the start: 1 shot, 1 whose end was lost" in screen
        assert "lost once, at " in screen

    _, summary = seen_of(story)
    assert (summary.shots, summary.flushes, summary.unended, summary.connections) == (1, 0, 1, 2)


def test_a_shot_that_went_on_while_nobody_listened():
    async def story(seen, machine):
        machine.say({"Sleep": "command"})
        machine.pour(6)
        await back(seen, machine)
        machine.wait(14)
        machine.say(update(5.45), stopped(20.1))

    _, summary = seen_of(story)
    assert (summary.shots, summary.unended) == (1, 0)


def test_one_that_runs_when_the_watch_ends_is_not_finished():
    async def story(_, machine):
        machine.say({"Sleep": "command"}, started(), update(0.1))

    _, summary = seen_of(story)
    assert (summary.shots, summary.unended) == (0, 1)


def test_the_timer_goes_on_between_two_words_of_the_machine():
    async def story(seen, machine):
        machine.say({"Sleep": "command"})
        machine.pour(10.0, update(10.0))
        assert 10.0 <= seen.scene().timer.seconds < 10.4
        assert 10.9 <= seen.scene(after=1.0).timer.seconds < 11.4
        assert seen.scene(after=2.9).timer.seconds == 11.5  # for one update may come late, but not two
        assert seen.scene(after=4.0).timer is None

    seen_of(story)


def test_what_the_screen_shows_over_bluetooth():
    async def story(seen, machine):
        machine.say({"Sleep": "command"}, {"CoffeeBoiler1UpdateTemperature": 95, "MachineMode": "BrewingMode"})
        screen = seen.screen()
        for part in (
            "MR000000 Linea Micra",
            "connected for",
            "on  water tank full  steam boiler on",
            "standby 30 min after the last coffee",
            f"Bluetooth {NAME}, -61 dBm",
            "coffee 95 °C  set 94 °C",
            "steam 127 °C  set 131 °C",
            "no water since the start",
        ):
            assert part in screen
        assert "not known" not in screen
        machine.lose("the radio is off")
        await seen.until(lambda seen: not seen.watch.watcher.link.connected)
        assert "the radio is off" in seen.screen()
        assert "next try in" in seen.screen()

    seen_of(story)


def test_what_the_screen_shows_of_a_gateway_v3():
    async def story(seen, machine):
        machine.say({"CoffeeBoiler1UpdateTemperature": 93.9})
        screen = seen.screen()
        for part in (
            "kitchen Linea Mini firmware 1.40",
            "gateway v3 at 192.168.1.20:8081",
            "coffee 93.9 °C  set 93.5 °C",
            "steam 122.5 °C  set 123.9 °C",
            "Sat 09:30:00  switches off 17:00, in 7 h",
        ):
            assert part in screen
        assert "dBm" not in screen
        machine.say(started("DoseA"))
        machine.wait(8)
        machine.say(update(8.0, BrewingUpdateGroup1Volume=40))
        screen = seen.screen()
        assert "water A" in screen
        assert "40 pulses" in screen
        assert "brewing" in screen
        machine.wait(1)
        machine.say({"BrewingStoppedGroup1DoseIndex": "DoseA", "BrewingStoppedGroup1Time": 9.0,
                     "BrewingStoppedGroup1Volume": 51})  # fmt: skip
        assert "shot A     9.0 s    51 pulses" in seen.screen()
        assert "brewing" not in seen.screen()

    seen_of(story, "v3", name="kitchen")


def test_the_configuration_is_news_once():
    async def story(seen, machine):
        count = len(seen.watch.machine.messages)
        await machine.last.ask("config")
        await machine.last.ask("config")
        assert len(seen.watch.machine.messages) == count

    seen_of(story, "v3")


def test_what_is_written_is_read_again_with_the_same_shots(tmp_path):
    path = tmp_path / "machine.jsonl"
    records = []

    async def story(seen, machine):
        machine.say({"Sleep": "command"})
        machine.pour(1.2)
        await back(seen, machine)
        machine.say(update(1.17))
        machine.wait(30)
        machine.pour(25.3, stopped(25.3))
        machine.pour(2.5, stopped(2.5, "Flush"))

    with JsonlLog(path) as log:

        def take(record):
            records.append(record)
            log.write(record)

        seen_of(story, on_record=take)
    assert TOKEN.encode() not in path.read_bytes()
    again = list(decode_capture(path, Speakers.open(OwnerAccess())))
    assert as_jsonl(find_shots(again)) == as_jsonl(find_shots(records))
    assert len(find_shots(again)) == 3


def test_a_flood_fills_no_file_and_no_memory():
    told = []

    async def story(seen, machine):
        for second in range(3000):
            machine.say(update(float(second)), {f"Never{second}": "x" * 300})
        live = seen.watch.machine
        assert len(live.messages) == 100
        assert all(len(str(record.extra)) < 300 for record in live.messages)
        assert len(live.shots.running(time.time_ns()).samples) == 2000

    seen, _ = seen_of(story, on_flood=told.append)
    assert len(seen.records) < 1500
    assert all("no machine says so much" in line for line in told)
    assert told


def test_months_of_losses_leave_nothing_behind():
    async def story(seen, _):
        live = seen.watch.machine
        for number in range(300):
            record = next(each for each in seen.records if each.subject == "0a0b boilers")
            live.feed(record._replace(stream=number, time_ns=time.time_ns()))
            live.disconnect(time.time_ns())
        assert len(live.shots._brewings._temps) <= 16
        assert len(live.history["coffee_temp"]) <= 602

    seen_of(story)


def test_an_error_of_the_output_ends_it():
    def full(_):
        raise CommandError("no space left")

    async def run():
        MACHINES.append(Machine())
        await Seen(MACHINES[-1], on_record=full).watch.run(PATIENCE)

    with pytest.raises(CommandError, match="no space"):
        asyncio.run(run())


def test_names_of_the_config_go_before_those_of_the_machine():
    async def story(seen, _):
        assert seen.scene().name == "kitchen"

    seen_of(story, name="kitchen")


def test_a_value_that_never_comes_is_refused_at_once():
    MACHINES.append(Machine())
    with pytest.raises(UnsupportedError, match="pump_on is not told"):
        Seen(MACHINES[-1], names=["coffee_temp", "pump_on"])
    assert set(Seen(MACHINES[-1], names=["flow_seconds"]).watch.chosen) == {"flow_seconds"}


def test_a_gateway_that_tells_of_no_shots():
    async def story(seen, machine):
        assert seen.told == ["shots do not show"]
        assert "no water" not in seen.screen()
        assert "\nshots do not show" in seen.screen()
        await back(seen, machine)
        assert seen.told.count("shots do not show") == 1

    seen_of(story, remark="shots do not show")
