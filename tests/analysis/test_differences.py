"""What is not the same in two memories."""

from __future__ import annotations

from hypothesis import given

from lmdecode.analysis.changes import differences, with_changes
from lmdecode.analysis.memory_history import History
from lmdecode.codec.v1.memory import Memory
from tests.analysis.saying import at, said
from tests.codec.v1.test_memory import memories


@given(memories(), memories())
def test_differences_lead_from_one_memory_to_the_other(one, other):
    before = list(one.runs())
    assert differences(one, other).apply(one) == other
    assert differences(other, one).apply(other) == one
    assert list(one.runs()) == before


@given(memories())
def test_a_memory_does_not_differ_from_itself(memory):
    assert not differences(memory, memory)


def _memory(**runs):
    memory = Memory()
    for address, data in runs.items():
        memory.write(int(address[1:], 16), bytes.fromhex(data))
    return memory


def test_registers_and_bytes():
    found = differences(_memory(x401C="03BC04D800", x4018="01"), _memory(x401C="03BD04D805", x4019="01"))
    assert [(each.place.name, each.old.hex(), each.new.hex()) for each in found.changed] == [
        ("coffee_temp", "03bc", "03bd"),
        ("mystery_1", "00", "05"),
    ]
    assert found.only_old == ((0x4018, b"\x01"),)
    assert found.only_new == ((0x4019, b"\x01"),)


def test_a_register_of_which_one_side_knows_a_part():
    found = differences(_memory(x401C="03BC"), _memory(x401D="BD"))
    assert [(each.place[:2], each.old, each.new) for each in found.changed] == [((0x401D, 1), b"\xbc", b"\xbd")]
    assert found.only_old == ((0x401C, b"\x03"),)


def test_how_a_difference_came_about():
    history = History()
    for record in (said(0, 0x401C, "03BC"), said(3, 0x401C, "03BD"), said(6, 0x401C, "03BE")):
        history.add(record)
    found = with_changes(differences(history.at(at(0)), history.at()), history.changes)
    assert [each.change and each.change.time_ns for each in found.changed] == [at(6)]
    assert with_changes(differences(history.at(at(0)), history.at()), []).changed[0].change is None
