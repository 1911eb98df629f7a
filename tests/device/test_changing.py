"""Changes of settings, step by step: no socket, no radio, no clock. Whatever comes of a step, it tells the truth.

A model machine stands in for a real one. What becomes of each step is drawn: an answer, none, a late one, a lost
connection, damage, a refusal, a machine that takes a write and says nothing, or says OK and does not take it.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.errors import RegisterError
from lmdecode.device.changing import LOOKS, Outcome, Preview, State, making, previewing
from lmdecode.device.core import (
    Ask,
    Connect,
    Pause,
    Write,
    persisting,
)
from lmdecode.device.errors import (
    MachineError,
)
from tests.device.model_machine import (
    BUSY,
    DAMAGED,
    FLOOD,
    FOR_GOOD,
    GONE,
    LATE,
    LOST,
    NAMES,
    REFUSED,
    UNSUPPORTED,
    ModelChange,
    ModelMachine,
    ModelPlan,
    World,
    answer,
    drive,
    in_turn,
)

# Changes: what cannot go wrong by chance.

ONE = ModelPlan([ModelChange("coffee_set_temp", 94)])


def on(machine, *writes):
    """A machine that answers each read, and each write with the next of `writes`: a function or an error."""
    left = list(writes)

    def come(step):
        if isinstance(step, Ask):
            return answer(machine.read())
        if isinstance(step, Write):
            machine.heard.append(step.request)
            what = left.pop(0)
            return what(*step.request) if callable(what) else what
        return None

    return come


def preview(plan, machine):
    _, found = drive(previewing(plan), on(machine))
    assert isinstance(found, Preview)
    return found


def test_a_preview_sends_nothing():
    machine = ModelMachine({"coffee_set_temp": 93})
    steps, found = drive(previewing(ModelPlan([ModelChange("coffee_set_temp", 95)])), on(machine))
    assert steps == [Ask("model"), Ask("state"), Ask("beside")]
    assert found.pending == list(found.changes)
    assert found.doubts == ["coffee_set_temp is odd"]
    assert not found.unchanged
    assert machine.heard == []


def test_what_a_model_does_not_take_is_said_before_anything_is_asked():
    with pytest.raises(RegisterError):
        next(previewing(ModelPlan(ONE.changes, fits=False)))


@pytest.mark.parametrize("error", [LATE, LOST, DAMAGED, *FOR_GOOD, BUSY, GONE])
def test_a_look_that_fails_is_no_preview(error):
    assert drive(previewing(ONE), in_turn(answer(), error))[1] is error


def test_a_value_that_is_held_already_is_not_sent():
    machine = ModelMachine({"coffee_set_temp": 94})
    found = preview(ONE, machine)
    assert found.unchanged
    steps, outcome = drive(making(found), on(machine))
    assert steps == []
    assert [each.state for each in outcome.results] == [State.UNCHANGED]
    assert outcome.done
    assert outcome.sent == outcome.texts == ()


def test_a_value_that_is_set_anew_is_sent_although_it_is_held():
    machine = ModelMachine({"clock": 12})
    found = preview(ModelPlan([ModelChange("clock", 12, is_repeatable=True)]), machine)
    assert drive(making(found), on(machine, machine.take))[1].done
    assert machine.heard == [("clock", 12)]


def test_a_change_is_connected_written_and_read_back():
    machine = ModelMachine({"coffee_set_temp": 93})
    steps, outcome = drive(making(preview(ONE, machine)), on(machine, machine.take))
    assert steps == [Connect(), Write(("coffee_set_temp", 94)), Pause(LOOKS[0]), Ask("state")]
    assert outcome.done
    assert outcome.texts == ("coffee_set_temp = 94",)
    assert (outcome.results[0].old, outcome.results[0].found) == (93, 94)
    assert repr(outcome) == "Outcome(coffee_set_temp: 93 → 94, done)"


def test_a_machine_that_takes_its_time_is_asked_again():
    machine = ModelMachine({"coffee_set_temp": 93})

    def later(name, value):
        machine.take(name, value, later=len(LOOKS) - 1)

    steps, outcome = drive(making(preview(ONE, machine)), on(machine, later))
    assert [step.seconds for step in steps if isinstance(step, Pause)] == list(LOOKS)
    assert outcome.done


def test_what_shows_nowhere_is_done_if_the_machine_says_so():
    machine = ModelMachine()
    found = preview(ModelPlan([ModelChange("backflush", 1, is_shown=False)]), machine)
    assert drive(making(found), on(machine, None))[1].results[0].state is State.DONE
    assert drive(making(found), on(machine, LATE))[1].results[0].state is State.UNKNOWN
    assert drive(making(found), on(machine, REFUSED))[1].results[0].state is State.NOT_TAKEN


@pytest.mark.parametrize("error", [GONE, BUSY, FLOOD])
def test_without_a_connection_nothing_is_sent_and_that_is_no_outcome(error):
    machine = ModelMachine({"coffee_set_temp": 93})
    steps, outcome = drive(making(preview(ONE, machine)), lambda step: error if step == Connect() else None)
    assert outcome is error
    assert steps == [Connect()]


def test_a_write_that_a_generation_does_not_have_was_not_sent():
    machine = ModelMachine({"coffee_set_temp": 93})
    steps, outcome = drive(making(preview(ONE, machine)), on(machine, UNSUPPORTED))
    assert outcome is UNSUPPORTED
    assert not any(isinstance(step, Ask) for step in steps)


TWO = ModelPlan([ModelChange("on", 6), ModelChange("off", 17)])


def test_a_connection_that_is_gone_between_two_writes():
    machine = ModelMachine({"on": 7, "off": 18})
    connections = [None, GONE]
    carry = on(machine, machine.take)
    _, outcome = drive(
        making(preview(TWO, machine)), lambda step: connections.pop(0) if step == Connect() else carry(step)
    )
    assert [each.state for each in outcome.results] == [State.DONE, State.NOT_SENT]
    assert outcome.sent == (("on", 6),)
    assert outcome.complaint == str(GONE)
    assert not outcome.done


def test_what_is_refused_is_not_said_of_what_was_taken_before():
    plan = ModelPlan([ModelChange("backflush", 1, is_shown=False), ModelChange("coffee_set_temp", 94)])
    machine = ModelMachine({"coffee_set_temp": 93})
    outcome = drive(making(preview(plan, machine)), on(machine, None, REFUSED))[1]
    assert [each.state for each in outcome.results] == [State.DONE, State.NOT_TAKEN]


def test_a_machine_that_says_ok_and_does_not_take_it():
    machine = ModelMachine({"coffee_set_temp": 93})
    outcome = drive(making(preview(ONE, machine)), on(machine, None))[1]
    assert outcome.results[0].state is State.NOT_TAKEN
    assert outcome.complaint == "the machine said OK, but did not take it: coffee_set_temp"


def test_an_old_value_that_cannot_be_read_again_is_no_proof():
    machine = ModelMachine({"coffee_set_temp": 93})
    reads = [answer({"coffee_set_temp": 93}), LOST]

    def come(step):
        return reads.pop(0) if isinstance(step, Ask) else None

    outcome = drive(making(preview(ONE, machine)), come)[1]
    assert outcome.results[0].state is State.UNKNOWN
    assert outcome.results[0].found == 93
    assert outcome.complaint == f"what came of it cannot be read: {LOST}"


# Changes: whatever comes of each step.

changes = st.builds(
    lambda shown, again, value: (shown, again, value), st.booleans(), st.booleans(), st.sampled_from([1, 2])
)
plans = st.lists(changes, min_size=1, max_size=len(NAMES)).map(
    lambda rows: [
        ModelChange(name, value, shown, again) for name, (shown, again, value) in zip(NAMES, rows, strict=False)
    ]
)


@settings(max_examples=500)
@given(st.data(), plans, st.booleans(), st.sampled_from([("state",), ("state", "more")]))
def test_every_command_ends_and_tells_the_truth(data, rows, persists, reads):
    world = World(data)
    plan = ModelPlan(rows, reads)

    def command():
        return (yield from making((yield from previewing(plan))))

    steps, ended = drive(persisting(command()) if persists else command(), world.come, longest=100)
    writes = [step.request for step in steps if isinstance(step, Write)]
    assert len(writes) == len(set(writes)), "a write was yielded twice"
    heard = world.machine.heard
    for step, following in pairwise(steps):
        if isinstance(following, Write):
            assert step == Connect(), "a write without a connection before it"
    if isinstance(ended, MachineError):
        assert heard == [], "it failed, and something was sent"
        return
    assert isinstance(ended, Outcome)
    assert list(ended.sent) == heard
    assert len(ended.texts) == len(heard)
    for result in ended.results:
        _is_true(result, world)
    assert ended.done == all(each.state in {State.DONE, State.UNCHANGED} for each in ended.results)
    assert ended.done or ended.complaint
    assert "\n" not in ended.complaint


def _is_true(result, world):
    change, request = result.change, (result.change.name, result.change.value)
    holds = world.machine.values[change.name] == change.value
    is_on_its_way = any(name == change.name for _, name, _ in world.machine.on_their_way)
    match result.state:
        case State.DONE:
            assert request in world.machine.heard
            assert holds if change.is_shown else request in world.confirmed
        case State.UNCHANGED:
            assert holds
            assert result.old == result.found == change.value
            assert request not in world.machine.heard
        case State.NOT_TAKEN:
            assert request in world.refused | world.confirmed
            assert not is_on_its_way
            if change.value != 1:  # the value that the machine held from the beginning shows nothing
                assert not holds
        case State.NOT_SENT:
            assert request not in world.machine.heard
        case State.UNKNOWN:
            assert request in world.machine.heard
            assert request not in world.refused
