"""The models of the generations that speak JSON, and what a simulated one of each runs as.

The physics is that of the models of v1: a Linea Micra is a Linea Mini whose paddle pours until it is moved back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from lmdecode.codec.bluetooth.settings import STEAM_LEVELS
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1.register import MODELS

if TYPE_CHECKING:
    from lmdecode.codec.v1.memory import Memory


class Family(NamedTuple):
    """What a model is in JSON, and what it has."""

    model: str
    """As people call it, such as "Linea Micra"."""
    word: str
    """What `machineCapabilities` calls it."""
    serial_prefix: str
    runs_as: str
    """The model of v1 whose boilers and buttons it has."""
    advertised: str
    """What its name in Bluetooth begins with."""
    paddle: bool = True
    """Whether a shot runs until somebody stops it. Otherwise a button has a dose, which a flow meter measures."""
    group: str = "AV_Group"
    hardware: str = "0"
    tea: bool = False
    """Whether it has a dose of hot water."""
    scale: bool = False
    """Whether it knows doses by weight, with a scale."""
    steam_levels: tuple[float, ...] = ()
    """The only targets of its steam boiler, in °C; none: any target."""

    @property
    def serial_number(self) -> str:
        """The serial number of a simulated one."""
        return f"{self.serial_prefix}{[*_ALIKE[self.serial_prefix]].index(self.model):06}"

    @property
    def bluetooth_name(self) -> str:
        """The name that a simulated one advertises."""
        return f"{self.advertised}_{self.serial_number}"


FAMILIES: Final[Mapping[str, Family]] = {
    family.model: family
    for family in (
        Family("Linea Micra", "MICRA", "MR", "Linea Mini", "MICRA", steam_levels=STEAM_LEVELS),
        Family("Linea Mini", "LINEA", "LM", "Linea Mini", "MINI", tea=True, scale=True),
        Family("GS3 AV", "GS3AV", "GS", "GS3 AV", "GS3AV", paddle=False, hardware="2", tea=True),
        Family("GS3 MP", "GS3MP", "GS", "GS3 MP", "GS3", group="EP_Group", hardware="2", tea=True),
    )
}
"""By the names of their models, the default first."""
_ALIKE: Final = {
    family.serial_prefix: [other.model for other in FAMILIES.values() if other.serial_prefix == family.serial_prefix]
    for family in FAMILIES.values()
}
DEFAULT_FAMILY: Final = next(iter(FAMILIES.values()))
FAMILY_NAMES: Final = " or ".join((", ".join([*FAMILIES][:-1]), [*FAMILIES][-1]))
"""The models in a sentence."""


def family_named(text: str) -> Family:
    """Returns a family by the name of its model as people write it: `micra`, `gs3-av`, `Linea Mini`.

    Raises:
        RegisterError: There is no such model.

    >>> family_named("gs3-av").word, family_named("Micra").serial_number
    ('GS3AV', 'MR000000')
    """
    family = family_or_none(text)
    if family is None:
        raise RegisterError(f"no model {text[:40]!r} of this generation: give {', '.join(FAMILIES)}")
    return family


def family_or_none(text: str) -> Family | None:
    """Returns a family by the name of its model as people write it; None if there is none."""
    wanted = text.lower().replace(" ", "").replace("-", "").replace("_", "")
    for name, family in FAMILIES.items():
        plain = name.lower().replace(" ", "")
        if wanted in {plain, plain.removeprefix("linea")}:
            return family
    return None


_STARTS_WITH: Final[Mapping[str, Mapping[str, float]]] = {
    "Linea Micra": {"coffee_set_temp": 94.0, "steam_set_temp": 131.0, "coffee_temp": 93.8, "steam_temp": 130.4},
    "Linea Mini": {"coffee_set_temp": 93.0, "steam_set_temp": 126.0, "coffee_temp": 92.8, "steam_temp": 125.5},
}


def family_memory(family: Family) -> Memory:
    """Returns the memory that a simulated machine of a family starts with."""
    from lmdecode.codec.v1.memory import NamedMemory  # noqa: PLC0415 -- a list of the models has no use for it
    from lmdecode.simulator.machine import default_memory  # noqa: PLC0415 -- as above

    memory = default_memory(family.runs_as)
    registers = NamedMemory(memory)
    registers.put("machine_ser_num", family.serial_number)
    registers.put("machine_name", f"simulated {family.model.rsplit(maxsplit=1)[-1]}")
    if family.paddle:  # which counts all shots as those of the first button
        registers.put("drinks_k1", registers.get("total_coffee") or 0)
        for name in ("drinks_k2", "drinks_k3", "drinks_k4", "continuous"):
            registers.put(name, 0)
    for name, degrees in _STARTS_WITH.get(family.model, {}).items():
        registers.put(name, degrees)
    return memory


def buttons_of(family: Family) -> range:
    """Returns the buttons that have a dose, as registers are numbered; none on a machine with a paddle."""
    return range(0) if family.paddle else range(1, min(MODELS[family.runs_as].keys.stop, 5))
