"""Whatever goes wrong in the network and in a machine with gateway v3: a command ends, a watch goes on.

The real client and the simulated machine, with a network and a clock in memory.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.v1.key import Key
from lmdecode.config import SAMPLE_KEY
from lmdecode.device.errors import MachineError, UnsupportedError
from lmdecode.device.v3.driver import WebDriver
from lmdecode.simulator.families import FAMILIES
from lmdecode.simulator.faults import NEEDS_SECONDS, Fault, Faults, On
from lmdecode.simulator.json_machine import JsonMachine
from lmdecode.simulator.v3.faults import V3_FAULTS
from lmdecode.simulator.v3.server import Server
from lmdecode.simulator.v3.stream import Form
from tests.device import virtual
from tests.device.schedules import Watch, status

SCHEDULES = 340
WATCHES = 30
SETTLED = 60  # s; nothing here takes longer than the longest pause between two attempts, and an attempt
STRIDE = 0.5  # s; a shot tells its seconds each second
KEY = Key.parse(SAMPLE_KEY)

fault = st.builds(
    lambda name, count, seconds: Fault(name, count, seconds if name in NEEDS_SECONDS else 0.0),
    st.sampled_from(sorted(name for name, (on, _) in V3_FAULTS.items() if on is not On.STATE)),
    st.integers(1, 3),
    st.sampled_from([0.2, 2.0, 5.0]),
)
faults = st.lists(fault, max_size=4)
wire = st.builds(
    virtual.Faults,
    cut_after=st.sampled_from([None, None, None, 0, 1, 20, 200, 3000, 9000]),
    silent_after=st.sampled_from([None, None, None, 0, 10, 300, 5000]),
    damaged=st.frozensets(st.integers(0, 6000), max_size=2),
    piece=st.sampled_from([None, None, 1, 7, 100]),
    delay=st.sampled_from([0.0, 0.0, 0.05, 1.0]),
    resets=st.booleans(),
)
wires = st.lists(wire, max_size=4)
seeds = st.integers(0, 99)
forms = st.sampled_from(Form)


def in_strides(machine):
    """How time passes for a machine: in fewer steps than usual, which take most of what a watch of minutes costs."""
    waiting = 0.0

    def pass_time(seconds):
        nonlocal waiting
        waiting += seconds
        if waiting < STRIDE:
            return []
        passed, waiting = waiting, 0.0
        return machine.advance(passed)

    return pass_time


def machine_with(faults, form, seed):
    every = [Fault(each.name, each.count, each.argument) for each in faults]
    machine = JsonMachine(FAMILIES["GS3 AV"])
    return Server(
        machine,
        KEY,
        tick=in_strides(machine),
        loaded_after=0,
        form=form,
        faults=Faults(every, seed=seed, table=V3_FAULTS),
    )


def driver_of(server):
    return WebDriver(host=server.host, port=server.port, key=KEY)


def network(wires):
    return virtual.Network(lambda number: wires[number] if number < len(wires) else virtual.Faults())


@settings(max_examples=SCHEDULES)
@given(faults, wires, forms, seeds)
def test_whatever_goes_wrong_a_read_ends(faults, wires, form, seed):
    async def go():
        async with machine_with(faults, form, seed) as server:
            found = await status(driver_of(server))
            assert isinstance(found, MachineError) or found.fields
            server.faults.clear()

    virtual.run(go(), network(wires))


@settings(max_examples=WATCHES)
@given(faults, wires, forms, seeds)
def test_whatever_goes_wrong_a_watch_goes_on(faults, wires, form, seed):
    async def go():
        async with machine_with([], form, seed) as server, Watch(driver_of(server)) as watch:
            await watch.goes_on(3)  # a key that is refused at once would end it, as it should
            for each in faults:
                server.faults.add(Fault(each.name, each.count, each.argument))
            server.machine.physics.pull_shot(1, 20)
            await watch.goes_on(30)
            server.faults.clear()
            await watch.goes_on(SETTLED)
            assert watch.watcher.link.connected
            before = len(watch.records)
            server.machine.physics.pull_shot(1, 20)
            await watch.goes_on(10)
            said = [record for record in watch.records[before:] if "flow_seconds" in record.fields]
            assert said, "a shot does not show"

    virtual.run(go(), network([virtual.Faults(), virtual.Faults(), *wires]))


def test_without_faults_everything_works():
    async def go():
        async with machine_with([], Form.MEMBERS, 0) as server:
            found = await status(driver_of(server))
            assert not isinstance(found, MachineError), found
            assert found.fields["coffee_set_temp"] > 80
            try:
                driver_of(server).plan("power", ["off"])
            except UnsupportedError as error:
                return str(error)
        return ""

    assert "Bluetooth" in virtual.run(go())
