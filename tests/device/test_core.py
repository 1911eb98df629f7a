"""The client core, step by step: no socket, no radio, no clock. Whatever comes of a step, it ends."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.device.core import (
    FIRST_PAUSE,
    TRIES,
    Ask,
    Connect,
    Disconnect,
    Pause,
    Write,
    asking,
    pauses,
    persisting,
    reading,
    telling,
    writing,
)
from lmdecode.device.errors import (
    NoAnswerError,
)
from tests.device.model_machine import (
    BUSY,
    DAMAGED,
    FOR_GOOD,
    GONE,
    LATE,
    LOST,
    REFUSED,
    UNCONFIRMED,
    UNSUPPORTED,
    WORTH_ANOTHER_TRY,
    World,
    answer,
    drive,
    in_turn,
)

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
