"""The kinds of value, each in both directions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1 import values
from lmdecode.codec.v1.memory_map import REGISTERS

TYPES = {(row.type.name, row.size): row.type for row in REGISTERS} | {
    ("uint16 little", 2): values.unsigned(2, "little"),
    ("bit set of 3", 1): values.bit_set(["a", "b", "c"]),
}
ONE_BYTE = [kind for kind in TYPES.values() if kind.size == 1]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("kind", ONE_BYTE, ids=lambda kind: kind.name)
def test_every_byte_is_a_value_that_encodes_back_or_is_refused(kind):
    decoded = 0
    for code in range(256):
        data = bytes([code])
        try:
            value = kind.decode(data)
        except RegisterError:
            continue
        decoded += 1
        if kind.name == "bit 0":
            assert value is bool(code % 2)
        else:
            assert kind.encode(value) == data
    assert decoded >= 2


@pytest.mark.parametrize(
    ("kind", "divisor", "byteorder"),
    [
        (values.unsigned(2), 1, "big"),
        (values.unsigned(2, "little"), 1, "little"),
        (values.scaled(2, 10), 10, "big"),
        (values.fixed_point(2, 4), 16, "big"),
    ],
    ids=["unsigned", "little-endian", "tenths", "fixed point"],
)
def test_every_pair_of_bytes_is_a_number(kind, divisor, byteorder):
    for stored in range(0x10000):
        data = stored.to_bytes(2, byteorder)
        value = kind.decode(data)
        assert value == stored / divisor
        assert kind.encode(value) == data
    assert kind.step == 1 / divisor


@given(st.integers(0, 0xFFFFFFFF))
@example(0xFFFFFFFF)
def test_counts(count):
    kind = values.unsigned(4)
    assert kind.decode(count.to_bytes(4, "big")) == count
    assert kind.encode(count) == count.to_bytes(4, "big")


def test_flow_seconds_is_fixed_point():
    kind = values.fixed_point(2, 4)
    assert kind.decode(bytes.fromhex("0009")) == 0.5625
    assert kind.decode(bytes.fromhex("FFFF")) == 4095.9375


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        (values.text(4), b"GS3\0", "GS3"),
        (values.text(4), b"GS3A", "GS3A"),
        (values.text(4), b"A\0B\0", "A"),
        (values.text(4), b"\0\0\0\0", ""),
        (values.text(17, prefix="Z"), b"ZGS012345\0\0\0\0\0\0\0\0", "GS012345"),
        (values.text(5, prefix="Z"), b"ZZ\0\0\0", "Z"),
        (values.front_panel(4), b"\xdf\xdb\xff\x00", "°□■"),
        (values.front_panel(4), b"\xe9\x41\x20\x20", "éA  "),
        (values.version(), b"\x8c", "1.40"),
        (values.version(), b"\x00", "0.00"),
        (values.opaque(3), b"\x01\xab\xff", "01abff"),
        (values.clock(), bytes([59, 59, 23, 4, 29, 2, 24]), "2024-02-29T23:59:59"),
        (values.bit_set(["a", "b"]), b"\x85", ["a", "0x04", "0x80"]),
        (values.enumeration({0: "C", 1: "F"}), b"\x01", "F"),
        (values.flag(), b"\x01", True),
        (values.low_bit(), b"\xfe", False),
        (values.low_bit(), b"\xff", True),
    ],
)
def test_decoding(kind, data, value):
    decoded = kind.decode(data)
    assert decoded == value
    assert type(decoded) is type(value)


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        (values.flag(), b"\x02", "2 is neither 0 nor 1"),
        (values.enumeration({0: "C", 1: "F"}), b"\x02", "0x02 is none of C, F"),
        (values.text(2), b"\xff\xff", "not ASCII text"),
        (values.text(2), b"A\n", "not ASCII text"),
        (values.clock(), bytes([60, 0, 0, 1, 1, 1, 20]), "not a time"),
        (values.clock(), bytes([0, 60, 0, 1, 1, 1, 20]), "not a time"),
        (values.clock(), bytes([0, 0, 24, 1, 1, 1, 20]), "not a time"),
        (values.clock(), bytes([0, 0, 0, 1, 30, 2, 20]), "2020-02-30 00:00:00 is not a time"),
        (values.clock(), bytes([0, 0, 0, 1, 1, 13, 20]), "not a time"),
        (values.clock(), bytes(7), "not a time"),
    ],
)
def test_bytes_that_are_no_value(kind, data, reason):
    with pytest.raises(RegisterError, match=reason):
        kind.decode(data)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31, 23, 59, 59)))  # noqa: DTZ001 -- of no zone, like the machine's
def test_the_clock(moment):
    kind = values.clock()
    moment = moment.replace(microsecond=0)
    data = kind.encode(moment.isoformat())
    assert list(data) == [
        moment.second,
        moment.minute,
        moment.hour,
        moment.isoweekday(),
        moment.day,
        moment.month,
        moment.year - 2000,
    ]
    assert kind.decode(data) == moment.isoformat()


@pytest.mark.parametrize("data", [bytes([0, 0, 0, 1, 1, 1, year]) for year in (100, 255)])
def test_a_clock_that_could_not_be_set_so_is_no_time(data):
    with pytest.raises(RegisterError, match="not a time"):
        values.clock().decode(data)


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (values.clock(), "1999-12-31T23:59:59", "2000 to 2099"),
        (values.clock(), "2100-01-01T00:00:00", "2000 to 2099"),
        (values.clock(), "2021-01-02T09:26:00Z", "no zone"),
        (values.clock(), "2021-01-02T09:26:00.5", "whole seconds"),
        (values.clock(), "yesterday", "is not a time"),
        (values.clock(), datetime(2021, 1, 2, tzinfo=UTC), "is not a time"),
        (values.text(4), "GS3AV", "longer than 4 characters"),
        (values.text(4, prefix="Z"), "GS3A", "longer than 3 characters"),
        (values.text(4), "é", "not ASCII"),
        (values.text(4), 5, "not ASCII"),
        (values.front_panel(4), "12345", "longer than 4"),
        (values.front_panel(4), "€", "lacks"),
        (values.front_panel(4), 7, "not text"),
        (values.bit_set(["a", "b"]), ["c"], "names out of a, b"),
        (values.bit_set(["a", "b"]), "a", "names out of a, b"),
        (values.bit_set(["a", "b"]), 3, "names out of a, b"),
        (values.flag(), 1, "neither true nor false"),
        (values.flag(), "true", "neither true nor false"),
        (values.low_bit(), 1, "neither true nor false"),
        (values.enumeration({0: "C", 1: "F"}), 1, "none of C, F"),
        (values.enumeration({0: "C", 1: "F"}), ["C"], "none of C, F"),
        (values.version(), 1.2, "not a version"),
        (values.version(), "1.205", "1.205"),
        (values.version(), "2.56", "does not fit"),
        (values.opaque(2), "0102ff", "not 2 bytes"),
        (values.opaque(2), "xyz", "not hex"),
        (values.unsigned(1), True, "not a number"),
        (values.unsigned(1), None, "not a number"),
        (values.unsigned(1), 1.5, "not a multiple of 1"),
        (values.unsigned(1), 256, "does not fit 8 bits"),
        (values.unsigned(1), -1, "does not fit 8 bits"),
        (values.scaled(2, 10), 93.55, "not a multiple of 0.1"),
        (values.scaled(2, 10), float("nan"), "not a number"),
        (values.scaled(2, 10), float("inf"), "inf"),
        (values.fixed_point(2, 4), 0.1, "not a multiple of 0.0625"),
    ],
)
def test_values_that_cannot_be_written(kind, value, reason):
    with pytest.raises(RegisterError, match=reason):
        kind.encode(value)


@pytest.mark.parametrize("kind", TYPES.values(), ids=[f"{name}-{size}" for name, size in TYPES])
@given(value=anything)
@example(value=[["a"]])
@example(value="1e5000")
@example(value=10**300)
@example(value="\ud800")
def test_any_object_is_encoded_to_the_right_size_or_refused(kind, value):
    try:
        data = kind.encode(value)
    except RegisterError:
        return
    assert len(data) == kind.size


def test_a_bit_set_takes_each_name_once():
    kind = values.bit_set(["a", "b"])
    assert kind.encode(["b", "b", "0x80"]) == b"\x82"
    assert kind.encode([]) == b"\0"
    assert kind.words == ("a", "b")
