"""Where the machines' keys come from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from lmdecode.cloud import ENVIRONMENT_VARIABLE
from lmdecode.codec.cipher import Key
from lmdecode.codec.decoded import Decoder
from lmdecode.codec.decoding import FrameDecoder
from lmdecode.codec.errors import KeyFormatError, LmdecodeError
from lmdecode.codec.keyring import Keyring, MachineKey

__all__ = ["MissingKeyError", "decoder_for", "find_keys"]


class MissingKeyError(LmdecodeError):
    """No key, or one that is none; one line that says what to do."""


def decoder_for(machines: Sequence[MachineKey], *, show_secrets: bool = False) -> Decoder:
    """What decodes with some machines' keys; with one there is nothing to be found out, and no name to be said."""
    if len(machines) == 1:
        return FrameDecoder(machines[0].key, show_secrets=show_secrets)
    return Keyring(machines, show_secrets=show_secrets)


def find_keys(
    keys: Sequence[str], config: Path | None, *, settings: str = "give --key or --config"
) -> tuple[list[MachineKey], str]:
    """The machines' keys, at least one, each once, and where they came from.

    Looked for in this order: `--key`, the environment, `--config`, `./config.json`, the user's config folder.

    Args:
        keys: Those that the user gave for this once.
        config: The file that the user named.
        settings: How the user can do that, for the message.

    Raises:
        MissingKeyError: There is none, or it is not a key.
        ConfigError: The configuration file that should have it cannot be used.
    """
    if not keys:
        keys, origin = [os.environ.get(ENVIRONMENT_VARIABLE, "")], ENVIRONMENT_VARIABLE
    elif all(keys):
        origin = "--key"
    else:
        raise MissingKeyError("--key is empty: give the 32 characters of the machine's communicationKey")
    if keys[0]:
        found = dict.fromkeys(_parsed(text, origin) for text in keys)
        return [MachineKey(f"key {number}", key) for number, key in enumerate(found, 1)], origin
    from lmdecode.cloud.config import default_paths, load_config  # noqa: PLC0415 -- with a key it is not needed

    paths = [config] if config else [path for path in default_paths() if path.is_file()]
    if not paths:
        folder = default_paths()[-1]
        raise MissingKeyError(f"no key: {settings}, set {ENVIRONMENT_VARIABLE}, or put config.json here or at {folder}")
    for path in paths[:-1]:
        machines = load_config(path).machines()
        if machines:
            return machines, str(path)
    return load_config(paths[-1]).machines(needed=True), str(paths[-1])


def _parsed(text: str, origin: str) -> Key:
    try:
        return Key.parse(text)
    except KeyFormatError as error:
        raise MissingKeyError(f"{origin}: {error}") from None
