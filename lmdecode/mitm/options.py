"""The options that both addons have. In one place, since mitmproxy warns of an option that is added in two ways."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mitmproxy.addonmanager import Loader

__all__ = ["add_shared_options", "path_of"]


def path_of(option: str) -> Path:
    """The path that an option names, with its ~ as mitmproxy takes it: that of a user who is not there stays.

    >>> path_of("~nobody.of.this.name/x").parts
    ('~nobody.of.this.name', 'x')
    """
    return Path(os.path.expanduser(option))  # noqa: PTH111 -- Path's own raises for a user who is not there


def add_shared_options(loader: Loader) -> None:
    """Add `lm_config` and `lm_show_secrets`."""
    loader.add_option(
        "lm_config",
        str,
        "",
        "The config.json that credentials are put into and the machine's key is taken from. Without it: ./config.json; "
        "the key is then also looked for in the environment variable LMDECODE_KEY, first, and in your config folder, "
        "last.",
    )
    loader.add_option(
        "lm_show_secrets", bool, False, "Show secrets instead of **: credentials, and the machine's own cloud account."
    )
