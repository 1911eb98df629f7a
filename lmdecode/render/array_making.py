"""Arrow arrays of Python's values, without pandas.

`pyarrow.array` looks whether it is given something of pandas', and imports pandas for that where it is installed: 0.3
seconds, which is as long as it takes to decode 40,000 messages. So the arrays of tables are put together here, from
their buffers. What this module does not know, and values that do not fit, `pyarrow.array` takes after all, or refuses.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, Final, TypeAlias

import pyarrow as pa

from lmdecode.render.kernels import cast, encoded

Array: TypeAlias = Any  # pyarrow has no types
Type: TypeAlias = Any

_CODES: Final = {pa.int64(): "q", pa.int32(): "i", pa.float64(): "d"}
_ENCODERS: Final[dict[Type, Callable[[Any], bytes]]] = {pa.string(): str.encode, pa.binary(): bytes.__bytes__}


def array_of(values: Sequence[Any], kind: Type) -> Array:
    """Returns the array that `pyarrow.array(values, kind)` returns.

    Args:
        values: None where there is none; otherwise such as Records have.
        kind: Their type.

    >>> array_of([1, None, 3], pa.int64()).to_pylist()
    [1, None, 3]
    """
    if pa.types.is_dictionary(kind) and kind.index_type == pa.int32():
        return encoded(array_of(values, kind.value_type))
    found = _buffers(values, kind)
    if found is None:
        return pa.array(values, kind)
    buffers, children = found
    missing = values.count(None)
    valid = _bits([value is not None for value in values]) if missing else None
    return pa.Array.from_buffers(kind, len(values), [valid, *buffers], missing, children=children)


def scalar_of(value: Any, kind: Type) -> Any:  # noqa: ANN401 -- pyarrow has no types
    """Returns the scalar that `pyarrow.scalar(value, kind)` returns. Functions of Arrow make one of any plain value.

    >>> scalar_of("machine", pa.string())
    <pyarrow.StringScalar: 'machine'>
    """
    return array_of([value], kind)[0]


def integers(values: array[int]) -> Array:
    """Returns the array of 32-bit integers that are in a buffer, `array("i")`, already."""
    return pa.Array.from_buffers(pa.int32(), len(values), [None, pa.py_buffer(values)])


def _buffers(values: Sequence[Any], kind: Type) -> tuple[list[Any], list[Array]] | None:
    """Return the buffers and the children of an array; None if it has to be made in another way."""
    code, encode = _CODES.get(kind), _ENCODERS.get(kind)
    try:
        if code is not None:
            return [pa.py_buffer(array(code, [0 if value is None else value for value in values]))], []
        if kind == pa.bool_():
            return [_bits([bool(value) for value in values])], []
        if encode is not None:
            return _joined(values, encode), []
    except (OverflowError, TypeError):
        return None
    if pa.types.is_list(kind):
        lists = [value or () for value in values]
        members = [each for value in lists for each in value]
        return [_offsets(map(len, lists))], [array_of(members, kind.value_type)]
    return None


def _joined(values: Sequence[Any], encode: Callable[[Any], bytes]) -> list[Any]:
    if encode is str.encode and None not in values:
        joined = "".join(values)
        if joined.isascii():  # as nearly all are
            return [_offsets(map(len, values)), pa.py_buffer(joined.encode())]
    texts = [b"" if value is None else encode(value) for value in values]
    return [_offsets(map(len, texts)), pa.py_buffer(b"".join(texts))]


def _offsets(sizes: Any) -> Any:  # noqa: ANN401 -- pyarrow has no types
    return pa.py_buffer(array("i", accumulate(sizes, initial=0)))


def _bits(values: Sequence[bool]) -> Any:  # noqa: ANN401 -- pyarrow has no types
    data = pa.py_buffer(bytes(values))
    return cast(pa.Array.from_buffers(pa.uint8(), len(values), [None, data]), pa.bool_()).buffers()[1]
