"""What single records say about the machine."""

from __future__ import annotations

import pytest

from lmdecode.analysis.memory_history import memory_of, observations, values_in
from lmdecode.codec.record import MASK
from tests.analysis.saying import said, took, wrote


def runs(*records):
    return list(memory_of(records).runs())


def test_a_write_counts_when_it_is_taken():
    dose = wrote(0, 0x0016, "0079")
    assert runs(dose) == []
    assert runs(dose, took(1, dose, ok=False)) == []
    assert runs(dose, took(1, dose)) == [(0x0016, b"\x00\x79")]
    assert runs(took(1, dose)._replace(request=None)) == []  # nobody knows what was written


def test_the_values_of_a_write_hold_when_it_is_taken():
    dose = wrote(0, 0x0016, "0079")
    assert values_in(dose) == {}
    assert values_in(took(1, dose, ok=False)) == {}
    assert values_in(took(1, dose)) == {"dose_k2": 121}
    assert values_in(took(1, dose._replace(raw=b"@@"))) == {}
    assert values_in(took(1, dose)._replace(request=None)) == {}


def test_each_answer_belongs_to_its_own_write():
    first, second = wrote(0, 0x0016, "0001"), wrote(1, 0x0016, "0002")
    assert runs(first, second, took(2, first), took(3, second, ok=False)) == [(0x0016, b"\0\x01")]
    assert runs(first, second, took(2, first, ok=False), took(3, second)) == [(0x0016, b"\0\x02")]


def test_what_is_written_to_a_command_is_not_in_memory():
    command, switch = wrote(0, 0x00E1, "82"), wrote(0, 0x00E0, "01821E")
    assert runs(command, took(1, command)) == []
    assert runs(switch, took(1, switch)) == [(0x00E0, b"\x01"), (0x00E2, b"\x1e")]


def test_a_value_that_is_none_of_its_kind_is_what_the_machine_said():
    odd = said(0, 0x4017, "98")
    assert odd.problems
    assert runs(odd) == [(0x4017, b"\x98")]


@pytest.mark.parametrize(
    "damage", [{"problems": ("check byte is 00, should be 01",)}, {"raw": b"@@", "problems": ("x",)}, {"length": 3}]
)
def test_a_damaged_record_tells_nothing(damage):
    record = said(0, 0x401C, "03BC")._replace(problems=("the length is wrong",))
    assert runs(record._replace(**damage)) == []


def test_masked_bytes_are_there_but_not_known():
    record = said(0, 0x0110, f"41{MASK}{MASK}")
    assert runs(record) == [(0x0110, b"A")]
    assert [(each.address, each.data, each.masked) for each in observations([record])] == [
        (0x0110, b"A", 0),
        (0x0111, b"", 2),
    ]


def test_what_runs_past_the_end_of_memory_is_cut():
    assert runs(said(0, 0xFFFF, "01")) == [(0xFFFF, b"\x01")]
    record = said(0, 0xFFFF, "0102", problems=())
    assert runs(record) == [(0xFFFF, b"\x01")]
