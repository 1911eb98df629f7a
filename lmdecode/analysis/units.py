"""The units of all fields, of the memory map and of the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from lmdecode.codec.v1.memory_map import DERIVED, REGISTERS, UNITS

_OF_V1: Final = frozenset((*(row.name for row in REGISTERS if row.name), *(row.name for row in DERIVED)))


def unit_of(name: str) -> str | None:
    """Return the unit of a field; None if it has none.

    >>> unit_of("coffee_temp"), unit_of("flow_key"), unit_of("brew_stopped_seconds")
    ('°C', None, 's')
    """
    return UNITS.get(name) if name in _OF_V1 else _of_others().get(name)


@cache
def _of_others() -> Mapping[str, str]:
    """Return the units of the vocabulary, which is read when a field of it turns up."""
    from lmdecode.codec.vocabulary import rows  # noqa: PLC0415 -- captures of v1 do without

    return MappingProxyType({row.name: row.unit for row in rows() if row.name and row.unit})
