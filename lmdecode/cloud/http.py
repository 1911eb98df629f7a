"""What is asked of the maker's cloud, by host and path, and its bodies without their compression."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final
from urllib.parse import unquote

from lmdecode.capture.http.exchange import Headers, header
from lmdecode.capture.http.inflation import LARGEST, UnreadableError, inflate
from lmdecode.cloud.findings import AGAIN, Problem, Trouble
from lmdecode.codec.speakers import is_cloud

_BLANK: Final = b"\xef\xbb\xbf \t\r\n"


class CloudEndpoint(Enum):
    """What is asked for."""

    TOKEN = auto()
    """A login, or the renewal of one."""
    CUSTOMER = auto()
    """The account, with all machines and their keys."""
    THINGS = auto()
    """The machines of an account in the cloud of today, or one of them; each has its Bluetooth token."""
    OTHER = auto()
    """Something without credentials, apart from what the headers may have."""


CLOUD_HOST: Final = "cms.lamarzocco.io"
TOKEN_PATH: Final = "/oauth/v2/token"  # noqa: S105 -- a path
CUSTOMER_PATH: Final = "/api/customer"
LION: Final = "lion.lamarzocco.io"
RENEWAL_PATH: Final = "/api/customer-app/auth/refreshtoken"
THINGS_PATH: Final = "/api/customer-app/things"

_ENDPOINTS: Final = {
    (CLOUD_HOST, TOKEN_PATH): CloudEndpoint.TOKEN,
    (CLOUD_HOST, CUSTOMER_PATH): CloudEndpoint.CUSTOMER,
    (LION, "/api/customer-app/auth/signin"): CloudEndpoint.TOKEN,
    (LION, RENEWAL_PATH): CloudEndpoint.TOKEN,
    (LION, THINGS_PATH): CloudEndpoint.THINGS,
}


def endpoint(host: str, path: str) -> CloudEndpoint | None:
    """What a request asks for, or None if it is not the maker's cloud that is asked."""
    if not is_cloud(host):
        return None
    way = plain_path(path)
    if _plain(host) == LION and way.startswith(f"{THINGS_PATH}/"):
        return CloudEndpoint.THINGS
    return _ENDPOINTS.get((_plain(host), way), CloudEndpoint.OTHER)


def plain_path(path: str) -> str:
    """Returns a path without its query, and without what writers differ in.

    >>> plain_path("//api/customer/?x=y")
    '/api/customer'
    """
    return "/" + "/".join(part for part in unquote(path.partition("?")[0]).split("/") if part)


def _plain(host: str) -> str:
    return host.lower().removesuffix(".")


def inflated(body: bytes, headers: Headers, what: str) -> tuple[bytes, Problem | None]:
    """A body without its compression, and what was wrong with that.

    A body that is readable though its headers say that it is compressed is taken as it is: proxies and browsers store
    it so.
    """
    try:
        return inflate(body, header(headers, "content-encoding")), None
    except UnreadableError as error:
        readable = len(body) <= LARGEST and (
            body.lstrip(_BLANK)[:1] in {b"{", b"[", b"<"} or (b"=" in body[:64] and body[:64].isascii())
        )
        rest = "it is read as it is" if readable else f"so it is not read; {AGAIN}"
        return body if readable else b"", Problem(Trouble.BAD_ENCODING, f"{what} {error}; {rest}")
