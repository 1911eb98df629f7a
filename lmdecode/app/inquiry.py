"""Settings that are named without a value: what they are now, and what they take. Nothing is ever written here.

Who types `lmdecode send power` wants to know, not to switch. So a setting without its value is a question; what has a
value is a change, which `app.send` makes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lmdecode.app.reading import Reading, read_values
from lmdecode.app.setting_names import AnySetting, Usage, is_of_bluetooth_alone
from lmdecode.codec.bluetooth import settings as over_bluetooth
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1.memory_map import BIT_SETS, DERIVED_BY_NAME, by_name
from lmdecode.codec.v1.register import MODELS
from lmdecode.codec.v1.setting_words import names_of
from lmdecode.codec.v1.settings import SETTINGS, Setting, present_name, setting_named
from lmdecode.device.errors import UnsupportedError
from lmdecode.device.v1.driver import MemoryDriver, is_readable
from lmdecode.device.v1.settings import find_model

if TYPE_CHECKING:
    from lmdecode.codec.record import Value
    from lmdecode.device.driver import Driver, Word
    from lmdecode.device.session import Session


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question about a setting."""

    setting: AnySetting
    names: tuple[str, ...]
    """The values that show it, and that can be read."""
    usages: tuple[tuple[Usage, ...], ...]
    """The words that it takes; several, if there are several ways to use it."""
    model: str | None = None
    """The model that the names were chosen for; None if it is not known."""


def is_question(name: str, words: Sequence[Word], options: Mapping[str, Word | None]) -> bool:
    """Returns True if a setting is named without a value, in whichever generation.

    Raises:
        RegisterError: There is no such name, button or day.

    >>> is_question("dose", ["2"], {}), is_question("standby", ["30"], {}), is_question("steam-level", [], {})
    (True, False, True)
    """
    if is_of_bluetooth_alone(name):
        return not words and not any(each is not None for each in options.values())
    return inquiry_of(name, words, options) is not None


def inquiry_for(generation: str, name: str, words: Sequence[Word] = (), *, model: str | None = None) -> Inquiry:
    """Returns the question that a setting without a value is, to a machine of a generation.

    Args:
        generation: What the machine speaks.
        name: The name of a setting.
        words: The words after it, of which none is a value.
        model: The machine's model, if it is known.

    Raises:
        UnsupportedError: Another generation has the setting.
        RegisterError: There is no such setting, or the model does not have it.
    """
    if generation == "bluetooth":
        return _over_bluetooth(name, model)
    check_generation(generation, name)
    found = inquiry_of(name, words, {}, model=model)
    if found is None:
        raise RegisterError(f"{name} with these words is a change, and no question")
    return found


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


async def answer(session: Session[Any], driver: Driver[Any], inquiry: Inquiry) -> tuple[Inquiry, Reading]:
    """Reads the values that a question asks for. If what it takes depends on the model, the model is read first.

    Returns:
        The question, for this model; and the values.

    Raises:
        RegisterError: The model has none of them.
        MachineError: The machine cannot be read.
    """
    if not isinstance(driver, MemoryDriver):
        return await _answer_over_bluetooth(session, driver, inquiry)
    if inquiry.model is None and any(len(_models(name)) < len(MODELS) for name in inquiry.names):
        model = await session.run(find_model())
        inquiry = inquiry if model is None else on_model(inquiry, model)
    return inquiry, await read_values(session, driver, inquiry.names)


def check_generation(generation: str, name: str) -> None:
    """Checks that a setting is not one of Bluetooth that is to be set in another way.

    Raises:
        UnsupportedError: It is.
    """
    if generation == "v1" and is_of_bluetooth_alone(name):
        raise UnsupportedError(
            f"{present_name(name).replace('-', '_')} is set over Bluetooth, with --bluetooth; machines of v1 have no "
            "such setting: `lmdecode send --help` lists theirs"
        )


def _over_bluetooth(name: str, model: str | None) -> Inquiry:
    setting = over_bluetooth.setting_named(name)
    if setting is None:
        from lmdecode.device.bluetooth.plan import plan_of

        plan_of(name, (), {}, model=model)  # says which generation has it, or what may be meant
        raise UnsupportedError(f"{name} cannot be set over Bluetooth: `lmdecode send --help` lists what can")
    usage = tuple(
        replace(each, range_text=text) for each, (_, text) in zip(setting.parameters, setting.takes(model), strict=True)
    )
    return Inquiry(setting, setting.shown, (usage,), model)


async def _answer_over_bluetooth(
    session: Session[Any], driver: Driver[Any], inquiry: Inquiry
) -> tuple[Inquiry, Reading]:
    reading = await read_values(session, driver, [*inquiry.names, "model"])
    model = reading.values.pop("model", None)
    reading.missing.pop("model", None)
    if isinstance(model, str):
        inquiry = inquiry_for(driver.generation, inquiry.setting.name, model=model)
    return inquiry, reading


def _models(name: str) -> tuple[str, ...]:
    derived = DERIVED_BY_NAME.get(name)
    if derived is not None:
        return derived.models
    rows = by_name(BIT_SETS.get(name, name))
    return rows[0].models


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
