"""The client core, step by step: no socket, no radio, no clock. Whatever comes of a step, it ends and tells the truth.

A model machine stands in for a real one. What becomes of each step is drawn: an answer, none, a late one, a lost
connection, damage, a refusal, a machine that takes a write and says nothing, or says OK and does not take it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Record
from lmdecode.device.core import (
    FIRST_PAUSE,
    LOOKS,
    TRIES,
    Ask,
    Connect,
    Disconnect,
    Outcome,
    Pause,
    Preview,
    State,
    Write,
    asking,
    making,
    pauses,
    persisting,
    previewing,
    reading,
    telling,
    writing,
)
from lmdecode.device.errors import (
    BadAnswerError,
    BusyError,
    ConnectionLostError,
    EchoError,
    FloodError,
    MachineError,
    NoAnswerError,
    NoConnectionError,
    NotToldError,
    RefusedError,
    UnconfirmedError,
    UnreadableError,
    UnsupportedError,
    WrongKeyError,
)

LATE = NoAnswerError("did not answer in time")
LOST = ConnectionLostError("closed the connection")
DAMAGED = BadAnswerError("the answer is damaged")
ECHO = EchoError("sent the request back")
BUSY = BusyError("says nothing")
GONE = NoConnectionError("refuses the connection")
FLOOD = FloodError("is no machine")
WRONG_KEY = WrongKeyError("nothing decrypts")
UNSUPPORTED = UnsupportedError("this generation has no such thing")
REFUSED = RefusedError("did not take it")
NOT_TOLD = NotToldError("has no answer to it")
UNREADABLE = UnreadableError("is cut off at the MTU")
UNCONFIRMED = UnconfirmedError("does not say whether it did")
FOR_GOOD = [ECHO, FLOOD, WRONG_KEY, UNSUPPORTED, NOT_TOLD, UNREADABLE]
WORTH_ANOTHER_TRY = [LATE, LOST, DAMAGED, BUSY, GONE]


# A model of a machine, and changes of its values.


@dataclass
class ModelMachine:
    """A machine that holds values, and may take its time to take one."""

    values: dict[str, int] = field(default_factory=dict)
    on_their_way: list[list[Any]] = field(default_factory=list)
    heard: list[tuple[str, int]] = field(default_factory=list)

    def take(self, name: str, value: int, *, later: int = 0) -> None:
        """Take a value, at once or after some reads."""
        self.on_their_way.append([later, name, value])
        self._settle()

    def read(self) -> dict[str, int]:
        """What it holds; a write that is on its way comes nearer."""
        found = dict(self.values)
        for each in self.on_their_way:
            each[0] -= 1
        self._settle()
        return found

    def _settle(self) -> None:
        self.values |= {name: value for later, name, value in self.on_their_way if later <= 0}
        self.on_their_way = [each for each in self.on_their_way if each[0] > 0]


@dataclass(frozen=True)
class ModelChange:
    name: str
    value: int
    is_shown: bool = True
    is_repeatable: bool = False
    label: str = ""
    hazard: str = ""

    @property
    def expected(self):
        return self.value

    def value_in(self, state):
        return state.get(self.name) if self.is_shown else None

    def is_made(self, state):
        return self.value_in(state) == self.value


@dataclass(frozen=True)
class ModelPlan:
    """Its requests are names to read, and pairs of a name and a value to write."""

    changes: Sequence[ModelChange]
    reads: Sequence[str] = ("state",)
    fits: bool = True

    def fitted(self):
        if not self.fits:
            raise RegisterError("this model does not have it")
        yield Ask("model")
        return self

    def look(self, *, closely=False):
        state: dict[str, int] = {}
        for each in (*self.reads, *(["beside"] if closely else ())):
            state |= (yield Ask(each)).fields
        return state

    def writes(self, pending, _state):
        return [(each.name, each.value) for each in pending]

    def is_sent(self, change, sent):
        return (change.name, change.value) in sent

    def text(self, request):
        return "{} = {}".format(*request)

    def doubts(self, pending, _state):
        return [f"{each.name} is odd" for each in pending if each.value % 2]

    def unread(self):
        return {}


def answer(fields=None) -> Record:
    return Record(time_ns=0, stream=0, sender="machine", source="", destination="", fields=fields or {})


def drive(steps, come, *, longest=1000):
    """Carry out steps; `come` says what comes of each. The steps, and the result or what was raised."""
    seen = []
    send, what = steps.send, None
    for _ in range(longest):
        try:
            step = send(what)
        except StopIteration as ended:
            return seen, ended.value
        except MachineError as error:
            return seen, error
        seen.append(step)
        what = come(step)
        send = steps.throw if isinstance(what, Exception) else steps.send
    raise AssertionError("it does not end")


def in_turn(*events):
    """What comes of the requests, one after the other; steps that are no request just happen."""
    left = list(events)
    return lambda step: left.pop(0) if isinstance(step, Ask | Write) else None


# Reading.


@pytest.mark.parametrize("error", WORTH_ANOTHER_TRY)
@pytest.mark.parametrize("failures", range(TRIES))
def test_a_read_is_made_again_on_another_connection(error, failures):
    found = answer()
    steps, result = drive(reading("boilers"), in_turn(*[error] * failures, found))
    assert result is found
    wanted = [Ask("boilers")]
    for pause in pauses()[:failures]:
        wanted += [Disconnect(), Pause(pause), Ask("boilers")]
    assert steps == wanted


@pytest.mark.parametrize("error", WORTH_ANOTHER_TRY)
def test_a_read_is_given_up(error):
    steps, result = drive(reading("boilers", tries=2), in_turn(error, error))
    assert result is error
    assert steps == [Ask("boilers"), Disconnect(), Pause(FIRST_PAUSE), Ask("boilers"), Disconnect()]


@pytest.mark.parametrize("error", FOR_GOOD)
def test_what_is_the_same_on_every_connection_is_not_tried_again(error):
    steps, result = drive(reading("boilers"), in_turn(error))
    assert result is error
    assert steps == [Ask("boilers")]


@pytest.mark.parametrize("error", [BUSY, GONE])
def test_a_first_connection_that_fails_is_the_last(error):
    steps, result = drive(reading("boilers", is_first=lambda: True), in_turn(error))
    assert result is error
    assert steps == [Ask("boilers"), Disconnect()]


@pytest.mark.parametrize("error", [LATE, LOST, DAMAGED])
def test_a_first_connection_that_was_made_is_worth_a_second(error):
    found = answer()
    assert drive(reading("boilers", is_first=lambda: True), in_turn(error, found))[1] is found


def test_the_pauses_grow_up_to_a_longest_one():
    steps, _ = drive(reading("boilers", tries=12, pause=1.0), in_turn(*[LATE] * 12))
    assert [step.seconds for step in steps if isinstance(step, Pause)] == [1, 2, 4, 8, 16, *[30] * 6]


# Writing.


@pytest.mark.parametrize("error", [*WORTH_ANOTHER_TRY, *FOR_GOOD, REFUSED, UNCONFIRMED])
def test_a_write_is_made_once_whatever_comes_of_it(error):
    steps, result = drive(writing(("power", 0)), in_turn(error))
    assert result is error
    says_no = error in (
        REFUSED,
        UNCONFIRMED,
        UNSUPPORTED,
    )  # the connection works; everything else leaves an answer that may come
    assert steps == [Write(("power", 0)), *([] if says_no else [Disconnect()])]


def test_a_write_that_is_confirmed_needs_nothing_more():
    assert drive(writing(("power", 0)), in_turn(None)) == ([Write(("power", 0))], None)


# Persisting.


def test_each_read_is_made_again_and_each_write_is_not():
    def some():
        first = yield Ask("a")
        with pytest.raises(NoAnswerError):
            yield Write("b")
        yield Pause(1.0)
        yield Connect()
        return first, (yield Ask("c"))

    one, two = answer(), answer()
    steps, result = drive(persisting(some()), in_turn(LOST, one, LATE, DAMAGED, two))
    assert result == (one, two)
    assert [step.request for step in steps if isinstance(step, Ask | Write)] == ["a", "a", "b", "c", "c"]
    assert steps.count(Disconnect()) == 3
    assert steps.count(Connect()) == 1


def test_asking_and_telling_are_one_step_each():
    found = answer()
    assert drive(asking("boilers"), in_turn(found)) == ([Ask("boilers")], found)
    assert drive(telling("off"), in_turn(None)) == ([Write("off")], None)


def test_what_is_ended_early_is_ended_with_all_that_it_carries():
    ended = []

    def some():
        try:
            yield Ask("a")
        finally:
            ended.append("a")

    steps = persisting(some())
    next(steps)
    steps.close()
    assert ended == ["a"]


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

NAMES = ("a", "b", "c")
ASKED = st.sampled_from(
    ["answer"] * 6 + ["late", "lost", "damaged", "busy", "gone", "echo", "flood", "key", "never", "not told"]
)
WROTE = st.sampled_from([
    "taken", "taken", "taken", "taken later", "taken, late", "taken, lost", "taken, unconfirmed",
    "taken, damaged", "taken later, lost", "refused", "ignored", "unconfirmed", "late", "lost", "busy", "flood",
    "key", "never",
])  # fmt: skip
CONNECTED = st.sampled_from(["made"] * 8 + ["gone", "busy"])
ERRORS = {
    "late": LATE, "lost": LOST, "damaged": DAMAGED, "busy": BUSY, "gone": GONE, "echo": ECHO, "flood": FLOOD,
    "key": WRONG_KEY, "never": UNSUPPORTED, "refused": REFUSED, "unconfirmed": UNCONFIRMED, "not told": NOT_TOLD,
}  # fmt: skip
changes = st.builds(
    lambda shown, again, value: (shown, again, value), st.booleans(), st.booleans(), st.sampled_from([1, 2])
)
plans = st.lists(changes, min_size=1, max_size=len(NAMES)).map(
    lambda rows: [
        ModelChange(name, value, shown, again) for name, (shown, again, value) in zip(NAMES, rows, strict=False)
    ]
)


class World:
    """A model machine, and what becomes of each step as hypothesis draws it."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data
        self.machine = ModelMachine(dict.fromkeys(NAMES, 1))
        self.confirmed: set[tuple[str, int]] = set()
        self.refused: set[tuple[str, int]] = set()

    def come(self, step):
        match step:
            case Connect():
                return ERRORS.get(self._data.draw(CONNECTED, "connection"))
            case Ask():
                event = self._data.draw(ASKED, "read")
                return answer(self.machine.read()) if event == "answer" else ERRORS[event]
            case Write(request):
                return self._written(request, self._data.draw(WROTE, "write"))
        return None

    def _written(self, request, event):
        if event != "never":  # this one is known before anything is sent
            self.machine.heard.append(request)
        how, _, error = event.partition(", ")
        if how == "taken":
            self.machine.take(*request)
        elif how == "taken later":
            self.machine.take(*request, later=self._data.draw(st.integers(1, len(LOOKS) - 1), "looks"))
        else:
            error = how
        if error in ERRORS:
            if error == "refused":
                self.refused.add(request)
            return ERRORS[error]
        self.confirmed.add(request)
        return None


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


@settings(max_examples=200)
@given(st.data(), st.integers(1, 5), st.booleans())
def test_every_read_ends_with_an_answer_or_the_last_error(data, tries, first):
    world = World(data)
    came = []

    def come(step):
        what = world.come(step)
        if isinstance(step, Ask):
            came.append(what)
        return what

    steps, ended = drive(reading("boilers", tries=tries, is_first=lambda: first), come)
    assert ended is came[-1]
    assert len(came) <= tries
    for error in came[:-1]:
        assert error in WORTH_ANOTHER_TRY
    for before, step in pairwise(steps):
        if isinstance(step, Ask):
            assert isinstance(before, Pause), "a read was made again at once"
    if ended in WORTH_ANOTHER_TRY:
        assert steps[-1] == Disconnect(), "a late answer could be taken for the next one's"
