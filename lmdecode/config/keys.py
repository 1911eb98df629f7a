"""Where the machines' keys come from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.errors import KeyFormatError, LmdecodeError
from lmdecode.codec.v1.key import Key
from lmdecode.config import ENVIRONMENT_VARIABLE, TOKEN_VARIABLE

_LONGEST_TOKEN: Final = 512  # bytes, the most that a value over Bluetooth can have; those of machines have 64


class MissingKeyError(LmdecodeError):
    """There is no key, or what was given is not one; one line that says what to do."""

    exit_code = 2


class NoKeyError(MissingKeyError):
    """No key anywhere, and none was named."""


def ways_to_a_key(settings: str = "give --key or --config") -> str:
    """Returns what an owner without a key can do, the same wherever one is missing.

    Args:
        settings: How a key is given here.
    """
    from lmdecode.config.file import default_paths  # noqa: PLC0415 -- with a key it is not needed

    return (
        f"{settings}, set {ENVIRONMENT_VARIABLE}, run `lmdecode harvest` to find it, or put config.json here or at "
        f"{default_paths()[-1]}"
    )


def find_keys(
    keys: Sequence[str], config: Path | None, *, settings: str = "give --key or --config"
) -> tuple[list[MachineKey], str]:
    """Returns the machines' keys, at least one, each once, and where they came from.

    The order is: `--key`, `--config`, the key in the environment, the file that the environment names, or else
    `./config.json` and the one in the user's config folder. If the user names a key or a file, no other is tried: an
    invalid one is an error.

    Args:
        keys: The keys that the user gave.
        config: The file that the user named.
        settings: How the user can give one, for the message.

    Raises:
        NoKeyError: There is no key anywhere.
        MissingKeyError: A key is not valid.
        ConfigError: The configuration file that should have it cannot be used.
    """
    if not all(keys):
        raise MissingKeyError("--key is empty: give the 32 characters of the machine's communicationKey")
    origin = "--key"
    if not keys and config is None and os.environ.get(ENVIRONMENT_VARIABLE):
        keys, origin = [os.environ[ENVIRONMENT_VARIABLE]], ENVIRONMENT_VARIABLE
    if keys:
        found = dict.fromkeys(_parsed(text, origin) for text in keys)
        return [MachineKey(f"key {number}", key) for number, key in enumerate(found, 1)], origin
    from lmdecode.config.file import (  # noqa: PLC0415 -- with a key it is not needed
        ConfigError,
        default_paths,
        find_config,
        load_config,
    )

    find_config(config)  # says so if the environment names a file that is not there
    paths = [config] if config else [path for path in default_paths() if path.is_file()]
    if not paths:
        raise NoKeyError(f"no key: {ways_to_a_key(settings)}")
    for path in paths:
        machines = load_config(path).machines()
        if machines:
            return machines, str(path)
    try:
        return load_config(paths[-1]).machines(needed=True), str(paths[-1])
    except ConfigError as error:
        raise (MissingKeyError if config else NoKeyError)(str(error)) from None


def find_token(given: str | None, stored: str = "", *, where: str = "", only_stored: bool = False) -> tuple[str, str]:
    """Returns a machine's Bluetooth token and where it came from; two empty texts if there is none anywhere.

    Args:
        given: What the user gave with `--key`; None if nothing.
        stored: What the configuration has; "" if nothing.
        where: Where that stands, for messages.
        only_stored: Whether the token in the environment does not count, as where the user names a configuration.

    Raises:
        MissingKeyError: What was given is no token.

    >>> find_token(" 15d970 ")
    ('15d970', '--key')
    """
    if given is not None:
        return _token(given, "--key"), "--key"
    by_environment = "" if only_stored else os.environ.get(TOKEN_VARIABLE, "")
    if by_environment:
        return _token(by_environment, TOKEN_VARIABLE), TOKEN_VARIABLE
    return (_token(stored, where), where) if stored else ("", "")


def _token(text: str, origin: str) -> str:
    """Returns a token without the blanks around it, as a file or a clipboard has them."""
    token = text.strip()
    if not token:
        raise MissingKeyError(f"{origin} is empty: give the machine's Bluetooth token")
    if not (token.isascii() and token.isprintable() and " " not in token and len(token) <= _LONGEST_TOKEN):
        raise MissingKeyError(f"{origin} is no Bluetooth token: that is one word of letters and digits, usually 64")
    return token


def _parsed(text: str, origin: str) -> Key:
    try:
        return Key.parse(text)
    except KeyFormatError as error:
        raise MissingKeyError(f"{origin}: {error}") from None
