"""Inputs that are nearly right: valid ones, damaged here and there.

Random bytes get no further than a parser's first check. A valid capture with three bytes changed, a piece missing or a
piece twice goes through most of a parser and is wrong in the middle. Hypothesis draws the damage, so it can make a
crash's input smaller: fewer edits of a shorter seed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

_MOST_EDITS = 6
_LONGEST = 64  # bytes that one edit takes away or repeats
# Numbers that lengths, counts and offsets go wrong at, in either byte order.
_NUMBERS = (
    *(bytes([value]) for value in (0, 1, 0x7F, 0x80, 0xFF)),
    *(
        value.to_bytes(size, order)
        for size in (2, 4)
        for order in ("big", "little")
        for value in (0, 1, 1 << 8 * size - 1)
    ),
    *(b"\xff" * size for size in (2, 4, 8)),
)

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 70), 1 << 70),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["", "0", "-1", "0x", "ff", "00:", "\ud800", "\0", "9" * 5000, "2023-11-14T22:13:20Z", "None"]),
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def damaged(draw: st.DrawFn, seeds: Sequence[bytes], words: Sequence[bytes] = ()) -> bytes:
    """One of the seeds with some edits.

    Args:
        draw: Hypothesis gives it.
        seeds: Valid inputs.
        words: What an edit may put in, beside numbers and random bytes: the words of a format.
    """
    data = draw(st.sampled_from(seeds))
    new = st.sampled_from([*_NUMBERS, *words]) | st.binary(min_size=1, max_size=8)
    for _ in range(draw(st.integers(0, _MOST_EDITS))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["replace", "insert", "delete", "repeat", "cut", "splice"])):
            case "replace":
                put = draw(new)
                data = data[:at] + put + data[at + len(put) :]
            case "insert":
                data = data[:at] + draw(new) + data[at:]
            case "delete":
                data = data[:at] + data[at + draw(st.integers(1, _LONGEST)) :]
            case "repeat":
                data = data[:at] + data[max(0, at - draw(st.integers(1, _LONGEST))) :]
            case "cut":
                data = data[:at]
            case "splice":
                other = draw(st.sampled_from(seeds))
                data = data[:at] + other[draw(st.integers(0, len(other))) :]
    return data


@st.composite
def damaged_json(draw: st.DrawFn, seeds: Sequence[object]) -> bytes:
    """One of some JSON values with parts replaced, missing or double, as text that is sometimes damaged as well."""
    value: Any = json.loads(json.dumps(draw(st.sampled_from(seeds))))
    for _ in range(draw(st.integers(0, _MOST_EDITS))):
        value = _with_another_part(draw, value)
    text = json.dumps(value, indent=draw(st.sampled_from([None, 2]))).encode()
    return draw(damaged([text])) if draw(st.integers(0, 4)) == 0 else text


def _with_another_part(draw: st.DrawFn, value: Any) -> Any:  # noqa: ANN401 -- JSON
    """Walk down some steps, and put something else there."""
    if not value or not isinstance(value, dict | list) or draw(st.integers(0, 9)) == 0:
        return draw(_JSON)
    place: Any = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
    match draw(st.sampled_from(["down", "down", "down", "delete", "double"])):
        case "delete":
            del value[place]
        case "double" if isinstance(value, list):
            value.insert(place, value[place])
        case "double" if isinstance(value, dict):
            value[draw(st.text(max_size=6))] = value[place]
        case _:
            value[place] = _with_another_part(draw, value[place])
    return value
