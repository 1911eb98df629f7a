"""The words after the name of a setting of v1, and the changes that they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Final

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Value
from lmdecode.codec.v1.setting_change import SettingChange, change
from lmdecode.codec.v1.setting_words import values_for
from lmdecode.codec.v1.settings import SETTINGS, Setting, setting_named
from lmdecode.device.driver import Word

_FORMER_PARAMETERS: Final = {"key": "button"}
"""The names that parameters have today, by those of earlier versions, which programs may still use."""


def changes_for(
    name: str,
    words: Sequence[Word],
    options: Mapping[str, Word | None],
    *,
    model: str | None,
    now: datetime | None = None,
) -> list[SettingChange]:
    """Returns the changes that a setting and the words after it mean.

    Args:
        name: The name of a setting, as in `lmdecode send`; or of a register, of one of its bits or of a time of day.
        words: The words after the name.
        options: Parameters by their names; None for one that was left out.
        model: The machine's model, if it is known.
        now: The local time, without a zone, for the machine's clock; None for this computer's.

    Raises:
        RegisterError: There is no such name, or it does not take these words.

    >>> [each.name for each in changes_for("prebrew", (1,), {"on": 2.5, "off": 3.1}, model=None)]
    ['prebrewing_ton_k1', 'prebrewing_toff_k1']
    """
    setting = setting_named(name)
    now = datetime.now() if now is None else now  # noqa: DTZ005 -- the machine's clock is local and has no zone
    values = values_for(*matched(setting, words, options), now=now)
    return [change(each, value, model=model) for each, value in values.items()]


def matched(
    setting: Setting, words: Sequence[Word], options: Mapping[str, Word | None]
) -> tuple[Setting, dict[str, Value | None]]:
    """Returns the setting that is meant, and the word for each of its parameters.

    `preinfusion off` and `preinfusion 3 4.4` are two settings under one name; the number of words decides.

    Raises:
        RegisterError: There are too many words, or too few.
    """
    given = {_FORMER_PARAMETERS.get(name, name): word for name, word in options.items() if word is not None}
    named, usages = setting, [_usage(setting)]
    if setting.alternative:
        usages.append(_usage(SETTINGS[setting.alternative]))
        if len(words) + len(given) > 1:
            setting = SETTINGS[setting.alternative]
    places = [each for each in setting.parameters if not each.option]
    unknown = given.keys() - {each.name for each in setting.parameters[len(words) :]}
    found: dict[str, Value | None] = {each.name: None for each in setting.parameters}
    found |= {each.name: _as_value(word) for each, word in zip(places, words, strict=False)}
    found |= {name: _as_value(word) for name, word in given.items() if name not in unknown}
    if unknown or len(words) > len(places) or any(found[each.name] is None for each in places):
        example = f"; for example {named.name} {named.example}" if named.example else ""
        raise RegisterError(f"{named.name} takes {', or '.join(usages)}{example}")
    return setting, found


def _usage(setting: Setting) -> str:
    places = [each.name for each in setting.parameters if not each.option]
    return ", ".join([*places, *(f"--{each.name}" for each in setting.parameters if each.option)]) or "nothing more"


def _as_value(word: Word) -> Value:
    if isinstance(word, time):
        return f"{word:%H:%M}"
    return word.isoformat() if isinstance(word, datetime) else word
