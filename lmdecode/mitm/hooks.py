"""Shared code of all addon hooks: an error in a hook becomes a line in mitmproxy's log, and the traffic flows on."""

from __future__ import annotations

import functools
import logging
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeGuard, TypeVar

from mitmproxy import exceptions

from lmdecode.codec.errors import LmdecodeError

if TYPE_CHECKING:
    from mitmproxy.addonmanager import Loader
    from mitmproxy.flow import Flow
    from mitmproxy.tcp import TCPFlow


class _Addon(Protocol):
    name: str


P = ParamSpec("P")
Addon = TypeVar("Addon", bound=_Addon)

_log = logging.getLogger(__name__)


def reports_errors(hook: Callable[Concatenate[Addon, P], None]) -> Callable[Concatenate[Addon, P], None]:
    """Make an error in a hook one line in mitmproxy's log. The traffic flows on in any case."""

    @functools.wraps(hook)
    def run(addon: Addon, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            hook(addon, *args, **kwargs)
        except LmdecodeError as error:
            say(addon, logging.ERROR, str(error))
        except OSError as error:
            say(addon, logging.ERROR, f"{error.filename or 'input or output'}: {error.strerror}")
        except exceptions.OptionsError:
            raise  # mitmproxy takes the option's new value back
        except Exception as error:  # noqa: BLE001 -- a fault of ours must not become one of the connection
            # The error's own text may hold anything of the traffic, even secrets.
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}, line {where.lineno}"
            say(
                addon,
                logging.ERROR,
                f"{type(error).__name__} in {hook.__name__} ({place}); the traffic is not affected",
            )

    return run


def say(addon: _Addon, level: int, text: str) -> None:
    """Put a line into mitmproxy's log."""
    _log.log(level, "%s: %s", addon.name, text)


def is_machine(flow: Flow | None, port: int) -> TypeGuard[TCPFlow]:
    """Whether a flow goes to a machine. Looks at where it goes only, at nothing that is in it."""
    if flow is None or flow.type != "tcp":
        return False
    address = flow.server_conn.address
    return address is not None and address[1] == port


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
        "The config.json that credentials are put into and the machine's key is taken from. Without it: ./config.json "
        "if it is there, otherwise the one in your config folder. A key is first looked for in LMDECODE_KEY.",
    )
    loader.add_option(
        "lm_show_secrets", bool, False, "Show secrets instead of **: credentials, and the machine's own cloud account."
    )
