"""What a program asks a machine for, put into the words of the codec: names into windows, settings into changes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, time
from pathlib import Path
from typing import TypeAlias

from lmdecode.analysis.columns import check_name
from lmdecode.codec.dialect import Access, MachineKey
from lmdecode.codec.errors import KeyFormatError, RegisterError
from lmdecode.codec.record import Value
from lmdecode.codec.v1.decoder import Decoder, decoder_for
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.memory_map import DERIVED_BY_NAME, by_name
from lmdecode.codec.v1.setting_change import SettingChange, change
from lmdecode.codec.v1.settings import SETTINGS, Parameter, Setting, nearest_setting, values_for
from lmdecode.config.keys import find_keys

_OPTION = re.compile(r"(?<!\S)--([a-z][a-z-]*)(?: (?=[0-9]))?")


AnyKey: TypeAlias = Key | str | bytes
"""A key: a `Key`, the 32 characters of the communicationKey, `hex:…` or `base64:…`, or the 32 bytes themselves."""
Keys: TypeAlias = AnyKey | Iterable[AnyKey] | Mapping[str, AnyKey]
"""One key; several; or several by the names of their machines, which the Records then have as `machine`."""
PathLike: TypeAlias = str | os.PathLike[str]


def as_key(key: AnyKey) -> Key:
    """A key.

    Raises:
        KeyFormatError: It is none.
    """
    if isinstance(key, Key):
        return key
    return Key(key) if isinstance(key, bytes) else Key.parse(key)


def access_with(key: Keys | None, config: PathLike | None, *, show_secrets: bool) -> Access:
    """Return the keys given, or else those that the configuration has.

    Raises:
        KeyFormatError: What was given is no key.
        MissingKeyError: There is none.
        ConfigError: The configuration cannot be used.
    """
    keys, origin = [] if key is None else _machines(key), "key="
    if not keys:
        path = None if config is None else Path(config)
        keys, origin = find_keys([], path, settings="give key= or config=")
    return Access(keys, show_secrets, origin)


def decoder_with(key: Keys | None, config: PathLike | None, *, show_secrets: bool) -> Decoder:
    """Return what decodes single frames with these keys; args and errors are those of `access_with`."""
    return decoder_for(access_with(key, config, show_secrets=show_secrets).keys, show_secrets=show_secrets)


def as_keyword(text: str) -> str:
    """A message that names options of the command line, for those who write Python.

    >>> as_keyword("no address: give --host, or a --config")
    'no address: give host=, or a config='
    >>> as_keyword("try --port 1774")
    'try port=1774'
    """
    return _OPTION.sub(lambda option: f"{option[1].replace('-', '_')}=", text)


def _machines(key: Keys) -> list[MachineKey]:
    if isinstance(key, Mapping):
        return [MachineKey(name, as_key(each)) for name, each in key.items()]
    if isinstance(key, Key | str | bytes):
        return [MachineKey("key 1", as_key(key))]
    found = dict.fromkeys(as_key(each) for each in key)
    if not found:
        raise KeyFormatError("no key is in what was given as key=")
    return [MachineKey(f"key {number}", each) for number, each in enumerate(found, 1)]


Word: TypeAlias = Value | datetime | time
"""What may follow the name of a setting."""


def window_of(name: str) -> tuple[int, int]:
    """The address and the length of the window to read for a value.

    Raises:
        FieldNameError: No such name.
        RegisterError: It cannot be read.

    >>> window_of("coffee_set_temp"), window_of("mon_on_time")
    ((7, 2), (785, 15))
    """
    name = check_name(name)[0]
    derived = DERIVED_BY_NAME.get(name)
    rows = [
        next((row for row in by_name(each) if row.readable), None) for each in (derived.inputs if derived else (name,))
    ]
    found = [row for row in rows if row is not None]
    if not found:
        raise RegisterError(f"{name} can only be written")
    start = min(row.address for row in found)
    return start, max(row.end for row in found) - start


def changes_for(
    name: str, words: tuple[Word, ...], options: Mapping[str, Word | None], *, model: str | None, now: datetime
) -> list[SettingChange]:
    """The changes that a setting, or a register, and what follows it mean.

    Args:
        name: Of a setting, as in `lmdecode send`; or of a register, a bit of one or a time of day.
        words: What follows.
        options: What follows by its name.
        model: The machine's, if it is known.
        now: The time here, for its clock.

    Raises:
        RegisterError: There is no such name, or it does not take that.

    >>> [each.name for each in changes_for("prebrew", (1,), {"on": 2.5, "off": 3.1}, model=None, now=datetime.now())]
    ['prebrewing_ton_k1', 'prebrewing_toff_k1']
    """
    setting = SETTINGS.get(name) or (SETTINGS.get(name.replace("_", "-")) if not _is_register(name) else None)
    if setting is None and not _is_register(name):
        raise RegisterError(_no_such(name))
    if setting is None:
        if len(words) != 1 or options:
            raise RegisterError(f"{name} takes one value")
        values = {name: _as_value(words[0])}
    else:
        values = values_for(*_given(setting, words, options), now=now)
    return [change(each, value, model=model) for each, value in values.items()]


def _is_register(name: str) -> bool:
    return name in DERIVED_BY_NAME or bool(by_name(name))


def _no_such(name: str) -> str:
    near = nearest_setting(name, SETTINGS)
    hint = f": did you mean {near}?" if near else f": there are {', '.join(SETTINGS)}, and the writable registers"
    return f"nothing named {name[:40]!r} can be set{hint}"


def _given(
    setting: Setting, words: tuple[Word, ...], options: Mapping[str, Word | None]
) -> tuple[Setting, dict[str, str | None]]:
    """The setting that is meant, and what was given for each of its parameters, as text."""
    if setting.alternative and len(words) + len(options) > 1:
        setting = SETTINGS[setting.alternative]
    places = [each for each in setting.parameters if not each.option]
    unknown = options.keys() - {each.name for each in setting.parameters[len(words) :]}
    texts: dict[str, str | None] = {each.name: each.default for each in setting.parameters}
    texts |= {each.name: _as_text(each, word) for each, word in zip(places, words, strict=False)}
    texts |= {
        each.name: _as_text(each, word)
        for each in setting.parameters
        if each.name not in unknown and (word := options.get(each.name)) is not None
    }
    missing = [each.name for each in places if texts[each.name] is None]
    if unknown or missing or len(words) > len(places):
        usage = ", ".join([*(each.name for each in places), *(f"{o.name}=" for o in setting.parameters if o.option)])
        raise RegisterError(f"{setting.name} takes {usage or 'nothing more'}")
    return setting, texts


def _as_text(parameter: Parameter, word: Word) -> str:
    if isinstance(word, bool) and parameter.words is not None:
        return "on" if word else "off"
    if isinstance(word, time):
        return f"{word:%H:%M}"
    return word.isoformat() if isinstance(word, datetime) else str(word)


def _as_value(word: Word) -> Value:
    if isinstance(word, time):
        return f"{word:%H:%M}"
    return word.isoformat() if isinstance(word, datetime) else word
