"""The models that speak this protocol, and what each of them has.

A model is a row of this table. The memory map asks it which registers a model has, and from there the checks of a
write, the list of registers and the simulator follow. Elsewhere a model is its name, as the cloud gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

KEYS: Final = range(1, 6)
"""The buttons that pour coffee, as their registers are numbered; the last one pours until it is stopped."""

Feature = Literal["doses", "hot_water_dose", "prebrewing", "preinfusion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
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
"""What a simulated machine is if nobody says: the model with the most in its memory."""
MODEL_NAMES: Final = " or ".join((", ".join([*MODELS][:-1]), [*MODELS][-1]))
"""All of them in a sentence."""


def models_with(feature: Feature, key: int | None = None) -> tuple[str, ...]:
    """The names of the models that have something: at all, or for one of their buttons.

    >>> models_with("doses", 1), models_with("doses", 2)
    (('GS3 AV', 'Linea Mini'), ('GS3 AV',))
    """
    return tuple(
        name for name, model in MODELS.items() if getattr(model, feature) and (key is None or key in model.keys)
    )
