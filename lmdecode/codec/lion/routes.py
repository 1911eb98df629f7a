"""The calls of the cloud: what a request to a path is about, and of which machine."""

from __future__ import annotations

from typing import Final

from lmdecode.codec.lion import readings
from lmdecode.codec.record import Kind
from lmdecode.codec.web_records import Reader, Route

PREFIX: Final = "/api/customer-app"
"""Stands before the paths of all calls."""
INIT: Final = f"{PREFIX}/auth/init"
"""The path of the call that tells the cloud the key of an installation."""
_ANSWERS: Final[dict[str, Reader]] = {
    "dashboard": readings.dashboard,
    "settings": readings.settings,
    "scheduling": readings.scheduling,
    "stats": readings.statistics,
    "update-fw": readings.settings,
}


def route(method: str, path: str) -> Route | None:  # noqa: PLR0911 -- one line for each call
    """Return what a request is about; None if nobody knows.

    Args:
        method: "GET".
        path: Without the query.

    >>> route("GET", "/api/customer-app/things/MR012345/dashboard").machine
    'MR012345'
    """
    if path.rstrip("/") == "/ws/connect":
        return Route(Kind.STREAM)
    kind = Kind.READ if method in {"GET", "HEAD", "OPTIONS"} else Kind.WRITE
    match path.removeprefix(PREFIX).strip("/").split("/"):
        case ["auth", *_]:
            return Route(Kind.READ)  # it asks for a token: nothing of a machine changes
        case ["things"]:
            return Route(kind, answered=readings.thing)
        case ["things", machine]:
            return Route(kind, answered=readings.dashboard, machine=machine)
        case ["things", machine, "stats", code, *_]:
            return Route(kind, answered=readings.statistic(code), machine=machine)
        case ["things", machine, "command", name]:
            return Route(Kind.WRITE, asked=readings.command(name), answered=readings.commands, machine=machine)
        case ["things", machine, what, *_]:
            return Route(kind, answered=_ANSWERS.get(what, readings.dashboard), machine=machine)
    return None
