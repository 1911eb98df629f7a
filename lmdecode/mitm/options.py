"""The options that both addons have. In one place, since mitmproxy warns of an option that is added in two ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mitmproxy.addonmanager import Loader

__all__ = ["add_shared_options"]


def add_shared_options(loader: Loader) -> None:
    """Add `lm_config` and `lm_show_secrets`."""
    loader.add_option(
        "lm_config",
        str,
        "",
        "The config.json that credentials are put into and the machine's key is taken from. Without it: ./config.json; "
        "the key is also looked for in the environment variable LMDECODE_KEY, first, and in your config folder, last.",
    )
    loader.add_option(
        "lm_show_secrets", bool, False, "Show secrets instead of **: credentials, and the machine's own cloud account."
    )
