"""Settings that are named without a value: what they are now, and what they take. Nothing is ever written here.

Who types `lmdecode send power` wants to know, not to switch. So a setting without its value is a question; what has a
value is a change, which `app.send` makes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmdecode.app.reading import Reading, read_values
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1.memory_map import BIT_SETS, DERIVED_BY_NAME, by_name
from lmdecode.codec.v1.register import MODELS
from lmdecode.codec.v1.setting_words import names_of
from lmdecode.codec.v1.settings import SETTINGS, Parameter, Setting, setting_named
from lmdecode.device.v1.driver import MemoryDriver, is_readable
from lmdecode.device.v1.settings import find_model

if TYPE_CHECKING:
    from lmdecode.codec.record import Value
    from lmdecode.device.driver import Word
    from lmdecode.device.v1.session import MemorySession


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question about a setting."""

    setting: Setting
    names: tuple[str, ...]
    """The values that show it, and that can be read."""
    usages: tuple[tuple[Parameter, ...], ...]
    """The words that it takes; several, if there are several ways to use it."""
    model: str | None = None
    """The model that the names were chosen for; None if it is not known."""


def inquiry_of(
    name: str, words: Sequence[Word], options: Mapping[str, Word | None], *, model: str | None = None
) -> Inquiry | None:
    """Returns the question that a setting without a value is; None if there is a value, or none is needed.

    Args:
        name: The name of a setting, or of a writable register, bit or time of day.
        words: The words after it: none, or those that choose what is set, such as a button or a day.
        options: Parameters by their names; None for one that was left out.
        model: The machine's model, if it is known.

    Raises:
        RegisterError: There is no such name, button or day, or the model does not have it.

    >>> inquiry_of("dose", (2,), {}).names, inquiry_of("dose", (2, 121), {})
    (('dose_k2',), None)
    """
    setting = setting_named(name)
    other = SETTINGS.get(setting.alternative)
    given = [each for each in options.values() if each is not None]
    if not setting.parameters or given or len(words) > max(len(each.choosing) for each in (setting, other or setting)):
        return None
    if words and not setting.choosing:  # `preinfusion 3` asks for a button, `preinfusion on` is a change
        if other is None or not str(words[0]).strip().isdigit():
            return None
        asked: tuple[Setting, ...] = (other,)
    else:
        asked = (setting, other) if other is not None else (setting,)
    named: dict[str, None] = {}
    for each in asked:
        texts: dict[str, Value] = {
            parameter.name: str(word) for parameter, word in zip(each.choosing, words, strict=False)
        }
        names = [*([each.shown] if each.shown else []), *names_of(each, texts)]
        named.update(dict.fromkeys(name for name in names if is_readable(name)))
    inquiry = Inquiry(setting, tuple(named), tuple(each.parameters for each in asked))
    return inquiry if model is None else on_model(inquiry, model)


def on_model(inquiry: Inquiry, model: str) -> Inquiry:
    """Returns the question with the values that a model has.

    Raises:
        RegisterError: It has none of them.
    """
    names = tuple(name for name in inquiry.names if model in _models(name))
    if inquiry.names and not names:
        having = [each for each in MODELS if any(each in _models(name) for name in inquiry.names)]
        raise RegisterError(f"{_listed(inquiry.names)} is not on a {model}, only on the {' and '.join(having)}")
    return Inquiry(inquiry.setting, names, inquiry.usages, model)


async def answer(session: MemorySession, driver: MemoryDriver, inquiry: Inquiry) -> tuple[Inquiry, Reading]:
    """Reads the values that a question asks for. If not all models have them, the model is read first.

    Returns:
        The question, for this model; and the values.

    Raises:
        RegisterError: The model has none of them.
        MachineError: The machine cannot be read.
    """
    if inquiry.model is None and any(len(_models(name)) < len(MODELS) for name in inquiry.names):
        model = await session.run(find_model())
        inquiry = inquiry if model is None else on_model(inquiry, model)
    return inquiry, await read_values(session, driver, inquiry.names)


def _models(name: str) -> tuple[str, ...]:
    derived = DERIVED_BY_NAME.get(name)
    if derived is not None:
        return derived.models
    rows = by_name(BIT_SETS.get(name, name))
    return rows[0].models


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
