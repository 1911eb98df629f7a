"""What a row of the memory map says. The rows themselves are in `memory_map`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from lmdecode.codec.record import JsonType, Value
from lmdecode.codec.v1.values import FieldType


class Access(StrEnum):
    """Which requests a register takes."""

    READ = "read"
    READ_WRITE = "read, write"
    WRITE = "write"


class Sure(StrEnum):
    """How sure we are of a row."""

    SEEN = "seen"
    """A value read this way was seen from a real machine and made sense."""
    CLAIMED = "claimed"
    """A public source says so; no data at hand confirms it."""
    INFERRED = "inferred"
    """Our own reading of the data."""
    UNKNOWN = "unknown"
    """The bytes are there; nobody knows what they mean."""


class Telling(StrEnum):
    """What a derived value tells beside its inputs, for outputs that show no more than a person needs."""

    NEW = "new"
    """Something that the inputs do not say by themselves."""
    WHOLE = "whole"
    """All that the inputs say, put together: it can stand for them."""
    AGAIN = "again"
    """A part of what its input says already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Some bytes of the machine's memory and what they mean.

    A name may stand at several addresses: the machine keeps copies of its serial number, its temperatures, its power
    state. At most one of them is writable. Rows may overlap where one is a part of the other, as the hour is of the
    clock.
    """

    address: int
    name: str | None
    """None where nobody knows what the bytes mean; such a row makes no field."""
    type: FieldType
    sure: Sure
    unit: str | None = None
    access: Access = Access.READ
    minimum: float | None = None
    """The least value that may be written, in `unit`."""
    maximum: float | None = None
    models: tuple[str, ...]
    """The models that have it."""
    note: str = ""
    secret: bool = False
    """Whether the bytes are kept from all output unless asked for."""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.type.size

    @property
    def end(self) -> int:
        """The address after its last byte."""
        return self.address + self.type.size

    @property
    def readable(self) -> bool:
        """Whether the bytes, when read, are this value."""
        return self.access is not Access.WRITE

    @property
    def writable(self) -> bool:
        """Whether it may be written."""
        return self.access is not Access.READ


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A value worked out from registers that one window holds together."""

    name: str
    inputs: tuple[str, ...]
    """The names of the registers, in the order in which `compute` takes their values."""
    compute: Callable[..., Value]
    json: JsonType
    """The JSON type of the value, as `FieldType.json`."""
    formula: str
    """The same for people."""
    telling: Telling
    sure: Sure
    unit: str | None = None
    models: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """A window that the app or the machine is known to use, under the name that people have for it."""

    address: int
    length: int
    name: str
    note: str = ""
