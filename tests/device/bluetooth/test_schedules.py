"""Whatever goes wrong on the link and in the machine: a command ends and tells the truth, a watch goes on.

The real client and the simulated machine's own characteristics, with a radio and a clock in memory.
"""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.device.bluetooth.driver import BluetoothDriver
from lmdecode.device.errors import MachineError
from lmdecode.device.session import Snapshot
from lmdecode.simulator.bluetooth.faults import FAULTS
from lmdecode.simulator.faults import NEEDS_SECONDS, Fault, On
from tests.device import virtual
from tests.device.bluetooth.in_memory import TOKEN, MemoryRadio
from tests.device.schedules import CALM, Order, Watch, change, is_true, status

SCHEDULES = 600
WATCHES = 30

ORDERS = [
    Order("power", ("off",)),
    Order("coffee-temp", ("92.5",)),
    Order("steam-level", ("1",)),
    Order("steam-boiler", ("off",)),
    Order("standby", ("45",)),
    Order("standby", ("off",)),
]
HAPPENING = sorted(name for name, (on, _) in FAULTS.items() if on is not On.STATE)
AS_IT_IS = sorted(name for name, (on, _) in FAULTS.items() if on is On.STATE and name != "old-gateway")

# Of one operation after another. A connection takes some twenty, so that most of them must go well.
events = st.lists(st.sampled_from([None] * 40 + ["lost before", "lost after", "slow", "hangs"]), max_size=60)
fault = st.builds(
    lambda name, count, seconds: Fault(name, count, seconds if name in NEEDS_SECONDS else 0.0),
    st.sampled_from(HAPPENING),
    st.integers(1, 3),
    st.sampled_from([0.2, 0.4, 2.0, 5.0]),
)
state = st.sampled_from([None] * 12 + AS_IT_IS)
schedules = st.tuples(st.lists(fault, max_size=4), state, events)
seeds = st.integers(0, 99)


def trouble(radio, schedule):
    faults, state, events = schedule
    every = [*([Fault(state)] if state else []), *(Fault(each.name, each.count, each.argument) for each in faults)]
    radio.trouble(every, events)


def driver_of(radio, token=TOKEN):
    return BluetoothDriver(token=token, opened=lambda: radio)


def pull_another_shot(radio):
    physics = radio.machine.physics
    if physics.pour is not None:
        physics.stop()
    physics.pull_shot(1)


@settings(max_examples=SCHEDULES)
@given(st.sampled_from([*ORDERS, "status"]), schedules, seeds)
def test_whatever_goes_wrong_a_command_ends_and_tells_the_truth(order, schedule, seed):
    async def go():
        async with MemoryRadio(seed=seed) as radio:
            trouble(radio, schedule)
            driver = driver_of(radio)
            if order == "status":
                found = await status(driver)
                assert isinstance(found, MachineError) or found.fields
                assert radio.commands == []
                return
            outcome = await change(driver, order)
            radio.calm()
            await asyncio.sleep(10)  # whatever is on its way has arrived
            await is_true(outcome, order, driver, radio.commands)

    virtual.run(go())


@settings(max_examples=WATCHES)
@given(schedules, st.lists(st.integers(1, 60), max_size=3), seeds)
def test_whatever_goes_wrong_a_watch_goes_on(schedule, losses, seed):
    async def go():
        async with MemoryRadio(seed=seed) as radio, Watch(driver_of(radio)) as watch:
            await watch.goes_on(3)  # a token that is refused at once would end it, as it should
            trouble(radio, schedule)
            for seconds in losses:
                pull_another_shot(radio)
                await watch.goes_on(seconds)
                radio.lose()
            radio.calm()
            await watch.goes_on(CALM)
            assert watch.watcher.link.connected
            assert radio.commands == []
            before = len(watch.records)
            pull_another_shot(radio)
            await watch.goes_on(10)
            said = [record for record in watch.records[before:] if "flow_seconds" in record.fields]
            assert said, "a shot does not show"

    virtual.run(go())


def test_without_faults_everything_works():
    async def go():
        async with MemoryRadio() as radio:
            driver = driver_of(radio)
            found = await status(driver)
            assert isinstance(found, Snapshot), found
            assert found.silent.keys() <= {"hardware revision", "software revision"}
            for order in ORDERS:
                outcome = await change(driver, order)
                assert not isinstance(outcome, MachineError), outcome
                assert outcome.done, outcome
                await is_true(outcome, order, driver, radio.commands)
                radio.commands.clear()

    virtual.run(go())
