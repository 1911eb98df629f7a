"""Logs in to the maker's cloud as its app does, and gets the list of machines and their keys.

OAuth is Authlib's business, HTTP that of requests; what the answers hold, `extraction` reads, as it does for recorded
traffic. A rejected login is never tried again: accounts get locked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session

from lmdecode import __version__
from lmdecode.cloud.collection import Collection
from lmdecode.cloud.findings import Problem, Secret
from lmdecode.cloud.http import CLOUD_HOST, CUSTOMER_PATH, TOKEN_PATH, Exchange, Request, Response
from lmdecode.codec.errors import LmdecodeError

CLOUD_URL: Final = f"https://{CLOUD_HOST}"
"""Where the app logs in."""

_TIMEOUT: Final = 20.0  # seconds without a byte


class LoginError(LmdecodeError):
    """A login that gave nothing; one line that says why and what to do, without secrets."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a password grant needs."""

    client_id: Secret
    client_secret: Secret
    username: Secret
    password: Secret


def log_in(credentials: Credentials, url: str = CLOUD_URL) -> tuple[Collection, list[Problem]]:
    """Log in once, and ask once for the machines.

    Args:
        credentials: Of the app, and of its user.
        url: The cloud, without a path.

    Returns:
        All that was found, the credentials too, which are now known to be right; and what was wrong with the rest.

    Raises:
        LoginError: The login was rejected, or the cloud could not be asked.
    """
    found = Collection()
    problems: list[Problem] = []

    def take(response: requests.Response, *_: Any, **__: Any) -> requests.Response:  # noqa: ANN401 -- as requests has it
        problems.extend(each for each in found.add(_exchange(response)) if isinstance(each, Problem))
        return response

    session = OAuth2Session(
        credentials.client_id.reveal(),
        credentials.client_secret.reveal(),
        token_endpoint_auth_method="client_secret_post",  # noqa: S106 -- the method's name
        default_timeout=_TIMEOUT,
    )
    session.headers["User-Agent"] = f"lmdecode/{__version__}"
    session.hooks["response"].append(take)
    with session, _told(url, problems):
        session.fetch_token(
            url + TOKEN_PATH,
            username=credentials.username.reveal(),
            password=credentials.password.reveal(),
            grant_type="password",
            allow_redirects=False,
        )
        if found.tokens is None:
            raise LoginError(str(problems[0]) if problems else "the cloud's answer to the login has no token")
        session.get(url + CUSTOMER_PATH, allow_redirects=False)
    return found, problems


@contextmanager
def _told(url: str, problems: list[Problem]) -> Iterator[None]:
    """What goes wrong on the way, in one line; what the libraries say may quote what was sent."""
    try:
        yield
    except AuthlibBaseError:
        raise LoginError(str(problems[0]) if problems else "the cloud rejected the login") from None
    except requests.exceptions.SSLError:
        raise LoginError(
            f"{url} has a certificate that this computer does not trust: is there a proxy between? "
            "REQUESTS_CA_BUNDLE=FILE names the certificate of one that you run"
        ) from None
    except requests.exceptions.Timeout:
        raise LoginError(f"{url} does not answer: try again later") from None
    except requests.exceptions.ConnectionError:
        raise LoginError(f"{url} cannot be reached: check the connection to the internet") from None
    except LoginError:
        raise
    except (
        requests.exceptions.RequestException,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        ArithmeticError,
        RecursionError,
    ):
        # All but the first: an answer that is no JSON, or other JSON than Authlib expects
        reason = str(problems[0]) if problems else f"{url} did not answer as the cloud does"
        raise LoginError(reason) from None


def _exchange(response: requests.Response) -> Exchange:
    """What `extraction` reads: as if it had been seen on the way to the maker's cloud, wherever it went."""
    sent = response.request
    body = sent.body or b""
    request = Request(
        sent.method or "",
        CLOUD_HOST,
        next((path for path in (TOKEN_PATH, CUSTOMER_PATH) if sent.path_url.endswith(path)), sent.path_url),
        list(sent.headers.items()),
        body.encode("utf-8") if isinstance(body, str) else body,
    )
    headers = [(name, value) for name, value in response.headers.items() if name.lower() != "content-encoding"]
    return Exchange(request, Response(response.status_code, headers, response.content), datetime.now(UTC))
