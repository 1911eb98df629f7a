"""The calls of the cloud: what a request to a path is about, and of which machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lmdecode.codec.record import Kind
from lmdecode.codec.vocabulary import Reading, read
from lmdecode.codec.web_records import Reader, Route

HOME: Final = "/v1/home"
"""Stands before the paths of all calls to the gateways."""
_ANSWERS: Final[Mapping[str, str]] = {
    "status": "status",
    "configuration": "configuration",
    "statistics": "counters",
    "firmware": "firmware",
    "firmwarev2": "firmware",
}


def route(method: str, path: str) -> Route | None:
    """Return what a request is about; None if nobody knows.

    Args:
        method: "GET".
        path: Without the query.

    >>> route("GET", "/v1/home/machines/MR012345/status").machine
    'MR012345'
    """
    kind = Kind.READ if method in {"GET", "HEAD", "OPTIONS"} else Kind.WRITE
    if path.startswith("/oauth/"):
        return Route(Kind.READ)  # it asks for a token: nothing of a machine changes
    if path.rstrip("/") == "/api/customer":
        return Route(kind, answered=answer("account"))
    match path.removeprefix(HOME).strip("/").split("/"):
        case ["aws-proxy", machine, "commands", *_]:
            return Route(kind, answered=answer(""), machine=machine)
        case ["machines", machine]:
            return Route(kind, answered=answer(""), machine=machine)
        case ["machines", machine, what, *more]:
            name = "/".join((what, *more[:1])) if what in {"scale", "recipes", "firmware"} and more else what
            asked = command(name.strip("/")) if kind is Kind.WRITE else ""
            source = "" if kind is Kind.WRITE else _ANSWERS.get(what, "")
            return Route(kind, asked=asked, answered=answer(source), machine=machine)
    return None


def answer(source: str) -> Reader:
    """Return what reads an answer: `{"data": …, "status": true}`, of which the source describes the data.

    Args:
        source: Of the vocabulary; "" if it has none.
    """

    def reading(value: object) -> Reading:
        if not isinstance(value, dict) or "data" not in value:
            return _kept(value)
        data = value["data"]
        found = read(source, data) if source else _kept(data)
        rest = {name: each for name, each in value.items() if name not in {"data", "status"}}
        return Reading(found.fields, {**rest, **found.extra}, found.problems)

    return reading


def command(name: str) -> Reader:
    """Return what reads the body of a command: the values that were asked for."""

    def reading(value: object) -> Reading:
        fields, extra, problems = read("command", {name: [value]})
        found: dict[str, object] = {}
        for path, each in extra.items():
            _, _, below = path.partition("].")
            if below:
                found[below] = each
            else:
                found.update(_kept(value).extra)
        return Reading(fields, found, problems)

    return reading


def _kept(value: object) -> Reading:
    if isinstance(value, dict):
        return Reading({}, {**value}, ())
    return Reading({}, {} if value is None else {"value": value}, ())
