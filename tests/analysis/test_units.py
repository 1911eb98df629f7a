from lmdecode.analysis.units import unit_of
from lmdecode.codec.v1.memory_map import UNITS
from lmdecode.codec.vocabulary import rows


def test_every_field_has_the_unit_of_its_row():
    assert {name: unit_of(name) for name in UNITS} == UNITS
    named = [row for row in rows() if row.name is not None]
    assert named
    for row in named:
        assert unit_of(row.name) == row.unit, row.name


def test_nothing_has_no_unit():
    assert unit_of("no_such_field") is None
