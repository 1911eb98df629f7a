"""Where the machine's key comes from."""

from __future__ import annotations

import os
from pathlib import Path

from lmdecode.cli.failures import CommandError
from lmdecode.cli.options import ENVIRONMENT_VARIABLE
from lmdecode.cloud.config import default_paths, load_config
from lmdecode.codec.cipher import Key
from lmdecode.codec.errors import KeyFormatError

__all__ = ["find_key"]


def find_key(key: str | None, config: Path | None) -> tuple[Key, str]:
    """The key, and where it came from.

    Looked for in this order: `--key`, the environment, `--config`, `./config.json`, the user's config folder.

    Raises:
        CommandError: There is none, or it is not a key.
        ConfigError: The configuration file that should have it cannot be used.
    """
    for text, origin in ((key, "--key"), (os.environ.get(ENVIRONMENT_VARIABLE), ENVIRONMENT_VARIABLE)):
        if text:
            try:
                return Key.parse(text), origin
            except KeyFormatError as error:
                raise CommandError(f"{origin}: {error}") from None
    if key is not None:
        raise CommandError("--key is empty: give the 32 characters of the machine's communicationKey")
    paths = [config] if config else [path for path in default_paths() if path.is_file()]
    if not paths:
        folder = default_paths()[-1]
        raise CommandError(
            f"no key: give --key or --config, set {ENVIRONMENT_VARIABLE}, or put config.json here or at {folder}"
        )
    for path in paths[:-1]:
        loaded = load_config(path)
        if loaded.entries.get("key"):
            return loaded.key(), str(path)
    return load_config(paths[-1]).key(), str(paths[-1])
