"""The type of a row of the memory map. The rows themselves are in `memory_map`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from lmdecode.codec.confidence import Confidence
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import JsonType, Value
from lmdecode.codec.v1.values import FieldType

KEYS: Final = range(1, 6)
"""The buttons that pour coffee, as their registers are numbered; the last one pours until it is stopped."""

Feature = Literal["doses", "hot_water_dose", "prebrewing", "preinfusion"]


class Model(NamedTuple):
    """What a model has."""

    name: str
    """As the cloud writes it in `model.name`."""
    serial_prefix: str
    """What its serial numbers begin with. Several models may share one."""
    keys: range = KEYS
    """Its buttons, as their registers are numbered. A paddle counts as button 1."""
    doses: bool = True
    """Whether a button pours a dose, measured by the flow meter."""
    hot_water_dose: bool = True
    prebrewing: bool = True
    preinfusion: bool = True


MODELS: Final[Mapping[str, Model]] = {
    model.name: model
    for model in (
        Model(name="GS3 AV", serial_prefix="GS"),
        Model(name="GS3 MP", serial_prefix="GS", keys=range(1, 2), doses=False, prebrewing=False, preinfusion=False),
        Model(name="Linea Mini", serial_prefix="LM", keys=range(1, 2), hot_water_dose=False),
    )
}
"""By name."""

DEFAULT_MODEL: Final = next(iter(MODELS))
"""The default model of a simulated machine: the one with the most registers."""
MODEL_NAMES: Final = " or ".join((", ".join([*MODELS][:-1]), [*MODELS][-1]))
"""All of them in a sentence."""


def model_named(text: str) -> str:
    """Return a model by its name as people write it: `gs3-av`, `Linea Mini`.

    Raises:
        RegisterError: There is no such model.
    """
    named = {each.lower().replace(" ", ""): each for each in MODELS}
    found = named.get(text.lower().replace(" ", "").replace("-", "").replace("_", ""))
    if found is None:
        raise RegisterError(f"no model {text[:40]!r}: give {', '.join(MODELS)}")
    return found


def models_with(feature: Feature, key: int | None = None) -> tuple[str, ...]:
    """The names of the models that have something: at all, or for one of their buttons.

    >>> models_with("doses", 1), models_with("doses", 2)
    (('GS3 AV', 'Linea Mini'), ('GS3 AV',))
    """
    return tuple(
        name for name, model in MODELS.items() if getattr(model, feature) and (key is None or key in model.keys)
    )


class Access(StrEnum):
    """Which requests a register takes."""

    READ = "read"
    READ_WRITE = "read, write"
    WRITE = "write"


class Redundancy(StrEnum):
    """How much of a derived value its inputs say already. Outputs for people leave out what is said twice."""

    NONE = "none"
    """It says something that no input says by itself."""
    WHOLE = "whole"
    """It says all that its inputs say, so it can stand for them."""
    PART = "part"
    """It says a part of what its input says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Some bytes of the machine's memory and what they mean.

    A name may stand at several addresses: the machine keeps copies of its serial number, its temperatures and its power
    state. At most one of the copies is writable. Two rows may overlap only if one is a part of the other, as the hour
    is a part of the clock.
    """

    address: int
    name: str | None
    """None if the meaning of the bytes is unknown, or nobody should read them. Such a row makes no field."""
    type: FieldType
    sure: Confidence
    unit: str | None = None
    access: Access = Access.READ
    minimum: float | None = None
    """The smallest value that may be written, in `unit`."""
    maximum: float | None = None
    """The largest value that may be written, in `unit`."""
    models: tuple[str, ...]
    """The names of the models that have it."""
    seen_on: str = ""
    """The only model and firmware on which it was seen, as "GS3 AV, firmware 1.40"; "" if there is no such limit."""
    formerly: str = ""
    """Its name in earlier versions, which users may still type; "" if it always had this name."""
    note: str = ""
    secret: bool = False
    """True if no output shows the bytes unless the user asks for them."""

    @property
    def confirmed(self) -> bool:
        """True if bytes that are not a value of the type are damage: the row was seen, and not on one firmware only."""
        return self.sure is Confidence.SEEN and not self.seen_on

    @property
    def size(self) -> int:
        """Bytes."""
        return self.type.size

    @property
    def end(self) -> int:
        """The address after the last byte."""
        return self.address + self.type.size

    @property
    def readable(self) -> bool:
        """True if a read of these bytes gives the value."""
        return self.access is not Access.WRITE

    @property
    def writable(self) -> bool:
        """True if a value may be written."""
        return self.access is not Access.READ


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A value computed from registers that one window holds together."""

    name: str
    inputs: tuple[str, ...]
    """The names of the registers, in the order of `compute`'s arguments."""
    compute: Callable[..., Value]
    """Raises ValueError if these inputs give no value."""
    refuse: Callable[..., str | None] | None = None
    """Returns what `compute` raises for these inputs, and None if they give a value. It is not needed, but takes less
    time than an error, of which a schedule without legal times makes fourteen."""
    json: JsonType
    """The JSON type of the value, as in `FieldType.json`."""
    formula: str
    """The computation in words, for people."""
    redundancy: Redundancy
    sure: Confidence
    unit: str | None = None
    models: tuple[str, ...]
    note: str = ""

    @property
    def confirmed(self) -> bool:
        """True if inputs that give no value are damage."""
        return self.sure is Confidence.SEEN
