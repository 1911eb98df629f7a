"""Where in the maker's cloud credentials pass by: facts, as data.

Source: requests of the app and of the tools that its users have, seen in 2021.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final
from urllib.parse import unquote


class Endpoint(Enum):
    """What is asked for."""

    TOKEN = auto()
    """A login, or the renewal of one."""
    CUSTOMER = auto()
    """The account, with all machines and their keys."""
    OTHER = auto()
    """Something without credentials, apart from what the headers may have."""


CLOUD_HOST: Final = "cms.lamarzocco.io"
TOKEN_PATH: Final = "/oauth/v2/token"  # noqa: S105 -- a path
CUSTOMER_PATH: Final = "/api/customer"

_ENDPOINTS: Final = {
    (CLOUD_HOST, TOKEN_PATH): Endpoint.TOKEN,
    (CLOUD_HOST, CUSTOMER_PATH): Endpoint.CUSTOMER,
    ("gw.lamarzocco.io", "/v1/home/machines"): Endpoint.OTHER,
}

HOSTS: Final = frozenset(host for host, _ in _ENDPOINTS)
"""The only hosts whose traffic is looked at."""


def is_watched(host: str | None) -> bool:
    """Whether a host is one of the maker's: exactly, for `cms.lamarzocco.io.example.com` is anybody's."""
    return host is not None and _plain(host) in HOSTS


def endpoint(host: str, path: str) -> Endpoint | None:
    """What a request asks for, or None if it is not the maker's cloud that is asked."""
    if not is_watched(host):
        return None
    way = "/" + "/".join(part for part in unquote(path.partition("?")[0]).split("/") if part)
    return _ENDPOINTS.get((_plain(host), way), Endpoint.OTHER)


def _plain(host: str) -> str:
    return host.lower().removesuffix(".")
