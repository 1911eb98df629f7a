"""The arguments of a program: keys in any form, and error messages in Python's words."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from lmdecode.codec.dialect import MachineKey, OwnerAccess
from lmdecode.codec.errors import KeyFormatError, LmdecodeError
from lmdecode.codec.v1.decoder import Decoder, decoder_for
from lmdecode.codec.v1.key import Key
from lmdecode.config.keys import NoKeyError, find_keys
from lmdecode.config.machines import TargetError
from lmdecode.config.targets import PORTS, AnyTarget, Target, find_target, model_called

_OPTION = re.compile(r"(?<!\S)--([a-z][a-z-]*)(?: (?=[0-9]))?")
_SWITCHES = {"yes": "yes=True"}


AnyKey: TypeAlias = Key | str | bytes
"""A key: a `Key`, the 32 characters of the communicationKey, `hex:…` or `base64:…`, or the 32 bytes themselves."""
Keys: TypeAlias = AnyKey | Iterable[AnyKey] | Mapping[str, AnyKey]
"""One key; several; or several by the names of their machines, which the Records then have as `machine`."""
PathLike: TypeAlias = str | os.PathLike[str]


def as_key(key: AnyKey) -> Key:
    """Returns the key that a program gave.

    Raises:
        KeyFormatError: It is not a key.
    """
    if isinstance(key, Key):
        return key
    return Key(key) if isinstance(key, bytes) else Key.parse(key)


def target_of(  # noqa: PLR0917 -- in the order of AsyncMachine
    host: str | None,
    port: int | None,
    key: AnyKey | None,
    config: PathLike | None,
    machine: str | None,
    model: str | None,
    *,
    bluetooth: str | bool | None = None,
    radio: str | None = None,
    generation: str | None = None,
) -> AnyTarget:
    """Returns the machine that a program names; arguments as those of `AsyncMachine`.

    Raises:
        KeyFormatError, MissingKeyError, ConfigError, TargetError, RegisterError: As of `AsyncMachine`.
    """
    over_bluetooth = bluetooth not in {None, False} or radio is not None
    if over_bluetooth and key is not None and not isinstance(key, str):
        raise KeyFormatError("key= is the machine's token over Bluetooth, which is a text")
    if host is not None and key is not None and config is None and machine is None and not over_bluetooth:
        known = None if model is None else model_called(model)
        spoken = generation or next((name for name, own in PORTS.items() if own == port), "v1")
        if spoken not in PORTS:
            raise TargetError(
                f"generation={spoken[:20]!r}: give {' or '.join(PORTS)}; machines with gateway v5 take bluetooth="
            )
        guess = generation is None and port is None
        return Target(host, PORTS[spoken] if port is None else port, as_key(key), known, None, spoken, guess)
    given = key if over_bluetooth or key is None else f"hex:{as_key(key).secret.hex()}"
    with in_python_words():
        return find_target(
            host=host,
            port=port,
            key=given if isinstance(given, str) else None,
            config=None if config is None else Path(config),
            machine=machine,
            model=model,
            bluetooth=None if bluetooth in {None, False} else "" if bluetooth is True else str(bluetooth),
            radio=radio,
            generation=generation,
        )


def access_with(key: Keys | None, config: PathLike | None, *, show_secrets: bool) -> OwnerAccess:
    """Returns the keys given, or else those that the configuration has; without any, the error that says so.

    Raises:
        KeyFormatError: One of `key` is not a key.
        MissingKeyError: A key in the configuration or the environment is not valid.
        ConfigError: The configuration cannot be used.
    """
    keys, origin = [] if key is None else _machines(key), "key="
    if not keys:
        path = None if config is None else Path(config)
        try:
            keys, origin = find_keys([], path, settings="give key= or config=")
        except NoKeyError as error:
            return OwnerAccess((), show_secrets, missing=error)
    return OwnerAccess(keys, show_secrets, origin)


def decoder_with(key: Keys | None, config: PathLike | None, *, show_secrets: bool) -> Decoder:
    """Returns a decoder for single frames with these keys; arguments and errors are those of `access_with`.

    Raises:
        MissingKeyError: There is no key.
    """
    access = access_with(key, config, show_secrets=show_secrets)
    if access.missing is not None:
        raise access.missing
    return decoder_for(access.keys, show_secrets=show_secrets)


def as_keyword(text: str) -> str:
    """Returns a message with Python's arguments instead of the command line's options.

    >>> as_keyword("no address: give --host, or a --config")
    'no address: give host=, or a config='
    >>> as_keyword("try --port 1774")
    'try port=1774'
    >>> as_keyword("give --host; `lmdecode discover --timeout 9` looks for it")  # which is still typed in a shell
    'give host=; `lmdecode discover --timeout 9` looks for it'
    """
    pieces = text.split("`")
    pieces[::2] = [
        _OPTION.sub(lambda option: _SWITCHES.get(option[1], f"{option[1].replace('-', '_')}="), piece)
        for piece in pieces[::2]
    ]
    return "`".join(pieces)


@contextmanager
def in_python_words() -> Iterator[None]:
    """Rewrites the messages of errors with `as_keyword`: what raises them serves the command line too."""
    try:
        yield
    except LmdecodeError as error:
        error.args = (as_keyword(str(error)),)
        raise


def _machines(key: Keys) -> list[MachineKey]:
    if isinstance(key, Mapping):
        return [MachineKey(name, as_key(each)) for name, each in key.items()]
    if isinstance(key, Key | str | bytes):
        return [MachineKey("key 1", as_key(key))]
    found = dict.fromkeys(as_key(each) for each in key)
    if not found:
        raise KeyFormatError("key= has no key in it")
    return [MachineKey(f"key {number}", each) for number, each in enumerate(found, 1)]
