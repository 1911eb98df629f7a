"""Changes of the memory in words: what was, what is, and what went on before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lmdecode.analysis.observed_change import Change, ChangeRun
from lmdecode.analysis.times import span_text
from lmdecode.codec.record import MASK, Record
from lmdecode.codec.v1.memory_map import UNITS, by_name
from lmdecode.codec.v1.message import Kind
from lmdecode.codec.v1.places import Place
from lmdecode.codec.v1.register import Access
from lmdecode.codec.v1.values import Value
from lmdecode.render.sentence import summary, verb_and_object
from lmdecode.render.wording import value_text

__all__ = ["cause_text", "change_text", "hex_text", "place_text", "range_text", "write_text"]

_LONG: Final = 60_000_000_000  # ns between two looks after which it is said how long ago the first was
_SHOWN: Final = 8  # bytes in a row of hex


def place_text(place: Place) -> str:
    """What a place is called.

    >>> from lmdecode.codec.v1.places import place_of
    >>> place_text(place_of(0x401C)), place_text(place_of(0x6012)), place_text(place_of(0x4002))
    ('coffee_temp', 'coffee_temp 0x6012', 'unknown 0x4002')
    """
    if place.secret:
        return "secret"
    if place.row is None or place.row.name is None:
        return f"unknown 0x{place.address:04X}"
    if not place.known or place.length != place.row.size:
        return f"{place.row.name} 0x{place.address:04X}"
    return place.row.name if _first(place) else f"{place.row.name} 0x{place.address:04X}"


def change_text(place: Place, old: bytes, new: bytes, *, show_secrets: bool = False) -> str:
    r"""From what to what.

    >>> from lmdecode.codec.v1.places import place_of
    >>> change_text(place_of(0x401C), b"\x03\xbc", b"\x03\xbd")
    '95.6 → 95.7 °C'
    >>> change_text(place_of(0x401B), b"\x21", b"\x11")
    '+heating_on −coffee_heater_on'
    >>> change_text(place_of(0x4002), b"\x01", b"\x05")
    '01 → 05, bit 2'
    """
    if place.secret and not show_secrets:
        return f"{MASK} → {MASK}"
    before, after = place.value(old), place.value(new)
    if not place.known or before is None or after is None or (before == after and old != new):
        return f"{_either(place, before, old)} → {_either(place, after, new)}" + _bit_text(old, new)
    if isinstance(before, list) and isinstance(after, list):
        signs = [f"+{name}" for name in after if name not in before] + [
            f"−{name}" for name in before if name not in after
        ]
        return " ".join(signs)
    name = place.name or ""
    text = value_text(name, before)
    unit = UNITS.get(name)
    return f"{text.removesuffix(f' {unit}') if unit else text} → {value_text(name, after)}"


def hex_text(data: bytes) -> str:
    """Bytes as a row of hex, the first few of many."""
    text = data[:_SHOWN].hex(" ").upper()
    return f"{text} … {len(data)} bytes" if len(data) > _SHOWN else text


def range_text(run: ChangeRun) -> str:
    """Between what a run of changes moved; empty if it is not a run of numbers."""
    if run.least is None or run.most is None:
        return ""
    place = run.first.place
    if not place.known:
        return f"{_byte(run.least)} to {_byte(run.most)}"
    name = place.name or ""
    return f"{value_text(name, run.least).removesuffix(f' {UNITS.get(name)}')} to {value_text(name, run.most)}"


def cause_text(change: Change) -> str:
    """What went on before a change, as far as the capture tells; that the one did the other is not said."""
    return "written" if change.written else ", ".join(_causes(change))


def write_text(write: Record) -> str:
    """What a write request sets: "dose_k2 121 pulses"."""
    values = [f"{name} {text}" for name, text in summary(write.fields)]
    if values:
        return ", ".join(values)
    return f"{verb_and_object(write)[1]} {write.data or ''}".strip()


def _causes(change: Change) -> Iterator[str]:
    writes = change.writes
    if writes:
        ago = span_text(max(change.time_ns - writes[-1].time_ns, 0))
        yield f"{ago} after write {'; '.join(map(write_text, writes))}"
    flowing = change.record.kind is Kind.STREAM or change.flowing
    if change.time_ns - change.since_ns > _LONG:
        when = ", when water flowed" if flowing else ""
        yield f"not looked at for {span_text(change.time_ns - change.since_ns)}{when}"
    elif flowing:
        yield "while water flowed"


def _first(place: Place) -> bool:
    """Whether it is the place that a name stands for: of several copies the writable one, or the first."""
    rows = [row for row in by_name(place.name or "") if row.access is not Access.WRITE]
    return not rows or rows[0].address == place.address


def _either(place: Place, value: Value | None, data: bytes) -> str:
    if not place.known:
        return hex_text(data)
    if value is None:  # it is none of its kind
        return f"0x{data.hex().upper()}"
    return value_text(place.name or "", value)


def _bit_text(old: bytes, new: bytes) -> str:
    """Which bit it is, if only one of a byte changed."""
    if len(old) != 1 or len(new) != 1:
        return ""
    mask = old[0] ^ new[0]
    return f", bit {mask.bit_length() - 1}" if mask and not mask & mask - 1 else ""


def _byte(value: Value) -> str:
    return f"{value:02X}" if isinstance(value, int) else str(value)
