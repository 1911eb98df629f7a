"""The few functions on Arrow arrays that tables are filled with.

`pyarrow.compute` writes three hundred functions while it is loaded, for as long as it takes to decode 5,000 messages,
and every method of an array that computes loads it. What lies below it loads in a tenth of that. Where another pyarrow
keeps that elsewhere, `pyarrow.compute` has it too, in public.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import pyarrow as pa

try:
    from pyarrow._compute import CastOptions, SliceOptions, TakeOptions, call_function
except ImportError:
    from pyarrow.compute import CastOptions, SliceOptions, TakeOptions, call_function

Array: TypeAlias = Any  # pyarrow has no types
Type: TypeAlias = Any

_POOL: Final = pa.system_memory_pool()
"""Gives the memory of all arrays that stay. pyarrow's own gives fresh memory for each, which a table of a hundred
thousand messages takes a tenth of its time to touch."""
_UNCHECKED: Final = TakeOptions(boundscheck=False)


def taken(values: Array, places: Array) -> Array:
    """Returns the values at some places, which are all there; null where the place is null.

    That they are there is not looked at once more, which takes a quarter of the time.
    """
    return call_function("take", [values, places], _UNCHECKED, _POOL)


def cast(values: Array, kind: Type) -> Array:
    """Returns the values as another type, which can hold them."""
    return call_function("cast", [values], CastOptions.safe(kind), _POOL)


def encoded(values: Array) -> Array:
    """Returns the values as a dictionary array: each different value once, and for each row its place among them."""
    return call_function("dictionary_encode", [values], memory_pool=_POOL)


def divided(values: Array, divisor: Any) -> Array:  # noqa: ANN401 -- pyarrow has no types
    """Returns the values, divided by a scalar."""
    return call_function("divide", [values, divisor], memory_pool=_POOL)


def added(values: Array, others: Array) -> Array:
    """Returns the sums; null where either is."""
    return call_function("add", [values, others], memory_pool=_POOL)


def places_in_order(values: Array) -> Array:
    """Returns the places of whole numbers in their order; those of equal ones as they stand."""
    return call_function("array_sort_indices", [values], memory_pool=_POOL)


def sliced(texts: Array, start: int, stop: int) -> Array:
    """Returns what the slice of each text is, of ASCII; from the beginning of their memory."""
    return call_function("binary_slice", [texts.view(pa.binary())], SliceOptions(start, stop), _POOL).view(pa.string())


def lowered(texts: Array) -> Array:
    """Returns texts of ASCII in lower case."""
    return call_function("ascii_lower", [texts], memory_pool=_POOL)
