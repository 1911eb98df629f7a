"""Faults: how they are written, and how often they happen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.record import Kind
from lmdecode.simulator.faults import FAULTS, Fault, FaultError, Faults, parse_fault


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_read_as_they_are_written(name):
    text = f"{name}=0.5:2" if name == "delay" else f"{name}:2"
    assert str(parse_fault(text)) == text


@given(st.text())
def test_no_text_makes_the_faults_crash(text):
    try:
        assert parse_fault(str(parse_fault(text))) is not None
    except FaultError:
        return


def test_faults_happen_as_often_as_asked():
    faults = Faults([parse_fault("no-ok:1"), parse_fault("drop:2"), parse_fault("busy:1")])
    names = [fault.name if (fault := faults.for_answer(kind)) else None for kind in [Kind.READ, Kind.WRITE] * 2]
    assert names == ["drop", "no-ok", "drop", None]
    assert faults.for_connection().name == "busy"
    assert faults.for_connection() is None


def test_random_faults_happen_again_with_their_seed():
    def some(seed):
        faults = Faults([parse_fault("random=0.5")], seed=seed)
        return [str(faults.for_answer(Kind.READ)) for _ in range(50)]

    assert some(1) == some(1) != some(2)
    assert 5 < some(1).count("None") < 45


def test_faults_in_turn():
    faults = Faults(in_turn=[None, Fault("drop"), Fault("no-ok"), Fault("delay", argument=1)])
    found = [faults.for_answer(Kind.READ) for _ in range(5)]
    assert [fault and fault.name for fault in found] == [None, "drop", None, "delay", None]
