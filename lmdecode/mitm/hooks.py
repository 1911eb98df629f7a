"""What all addons' hooks have in common: an error in one is a line in mitmproxy's log, and the traffic flows on."""

from __future__ import annotations

import functools
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from mitmproxy import exceptions

from lmdecode.codec.errors import LmdecodeError

__all__ = ["reports_errors", "say"]


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
