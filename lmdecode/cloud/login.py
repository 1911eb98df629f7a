"""Logs in to the maker's cloud as its app does, and gets the list of machines and their keys.

OAuth is Authlib's business, HTTP that of requests; what the answers hold, `extraction` reads, as it does for recorded
traffic. A rejected login is never tried again: accounts get locked.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import requests
import urllib3
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session

from lmdecode import __version__
from lmdecode.capture.http.bodies import json_value
from lmdecode.capture.http.exchange import Exchange, Request, Response
from lmdecode.capture.http.inflation import LARGEST
from lmdecode.cloud.collection import Collection
from lmdecode.cloud.findings import AGAIN, Problem, Secret
from lmdecode.cloud.http import CLOUD_HOST, CUSTOMER_PATH, TOKEN_PATH, inflated
from lmdecode.codec.errors import LmdecodeError

CLOUD_URL: Final = f"https://{CLOUD_HOST}"
"""Where the app logs in."""

_TIMEOUT: Final = 20.0  # seconds without a byte
_PATIENCE: Final = 55.0  # seconds for all of it, however slowly bytes come; the program itself takes some of a minute
_PIECE: Final = 1 << 16  # bytes


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
    found, problems = _within_time(lambda: _log_in(credentials, url), url)
    return found, [replace(problem, text=_for_a_login(problem)) for problem in problems]


def _for_a_login(problem: Problem) -> str:
    """What is wrong, with advice for a login of our own rather than one that is recorded."""
    return problem.text.replace(AGAIN, "try again later")


def _log_in(credentials: Credentials, url: str) -> tuple[Collection, list[Problem]]:
    found = Collection()
    problems: list[Problem] = []

    def take(response: requests.Response, *_: Any, **__: Any) -> requests.Response:  # noqa: ANN401 -- as requests has it
        _read(response)
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
            raise LoginError(_for_a_login(problems[0]) if problems else "the cloud's answer to the login has no token")
        session.get(url + CUSTOMER_PATH, allow_redirects=False)
    return found, problems


def _within_time(ask: Callable[[], tuple[Collection, list[Problem]]], url: str) -> tuple[Collection, list[Problem]]:
    """Returns what `ask` does, if it does so in time: a peer that sends a byte now and then is never late for a socket.

    Raises:
        LoginError: It takes longer, or `ask` raised it.
    """
    done: list[tuple[Collection, list[Problem]]] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(ask())
        except BaseException as error:  # noqa: BLE001 -- it is raised again where somebody waits for it
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)  # the program ends without waiting for it
    thread.start()
    thread.join(_PATIENCE)
    if failed:
        raise failed[0]
    if not done:
        raise LoginError(f"{url} has not finished its answer within {_PATIENCE:.0f} s: try again later")
    return done[0]


def _read(response: requests.Response) -> None:
    """Take the body of an answer up to a limit, before requests reads and unpacks all that comes."""
    body = bytearray()
    while len(body) <= LARGEST and (piece := response.raw.read(_PIECE, decode_content=False)):
        body += piece
    plain, problem = inflated(bytes(body), list(response.headers.items()), "the cloud's answer")
    if problem and not plain:
        raise LoginError(_for_a_login(problem))
    with suppress(ValueError):  # Authlib takes no mark of an encoding before JSON, which `extraction` passes over
        plain = json.dumps(json_value(plain)).encode()
    response._content = plain  # noqa: SLF001 -- requests has no other way to say that it was read
    response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001


@contextmanager
def _told(url: str, problems: list[Problem]) -> Iterator[None]:
    """What goes wrong on the way, in one line; what the libraries say may quote what was sent."""
    try:
        yield
    except AuthlibBaseError:
        raise LoginError(_for_a_login(problems[0]) if problems else "the cloud rejected the login") from None
    except requests.exceptions.ProxyError:
        raise LoginError(
            f"the proxy on the way to {url} cannot be used: check HTTPS_PROXY, or unset it; nothing was sent"
        ) from None
    except requests.exceptions.SSLError as error:
        raise LoginError(f"{url} {_about_tls(error)}") from None
    except requests.exceptions.ConnectTimeout:
        raise LoginError(f"{url} cannot be reached in {_TIMEOUT:.0f} s: check the connection to the internet") from None
    except (requests.exceptions.Timeout, TimeoutError, urllib3.exceptions.TimeoutError):
        raise LoginError(f"{url} does not answer: try again later") from None
    except requests.exceptions.ConnectionError as error:
        raise LoginError(f"{url} {_about_connection(error)}") from None
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
        MemoryError,
    ):
        # All but the first: an answer that is no JSON, or other JSON than Authlib expects
        reason = _for_a_login(problems[0]) if problems else f"{url} did not answer as the cloud does"
        raise LoginError(reason) from None
    except (urllib3.exceptions.HTTPError, OSError):
        raise LoginError(f"{url} broke off in the middle of its answer: try again later") from None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and all that it was raised from or holds, as requests and urllib3 wrap them."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]


def _about_tls(error: BaseException) -> str:
    refused = next((each for each in _causes(error) if isinstance(each, ssl.SSLCertVerificationError)), None)
    if refused is None:
        return "does not speak TLS as it should: is there a proxy or a log-in page on this network?"
    if refused.verify_code in _OUT_OF_TIME:
        return "has a certificate that is not valid now: is the clock of this computer right?"
    if refused.verify_code in _OTHER_NAME:
        return "has a certificate for another name: is there a log-in page on this network?"
    return (
        "has a certificate that this computer does not trust: is there a proxy between? "
        "REQUESTS_CA_BUNDLE=FILE names the certificate of one that you run"
    )


_OUT_OF_TIME: Final = (9, 10)  # OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED
_OTHER_NAME: Final = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH


def _about_connection(error: BaseException) -> str:
    causes = list(_causes(error))
    if any(isinstance(each, urllib3.exceptions.NameResolutionError | socket.gaierror) for each in causes):
        return "cannot be reached, because its name is not found: check the connection to the internet, and its DNS"
    if any(isinstance(each, ConnectionRefusedError) for each in causes):
        return "cannot be reached, because it refuses connections: check the connection to the internet, or try later"
    if any(isinstance(each, ConnectionError | urllib3.exceptions.ProtocolError) for each in causes):
        return "broke off the connection: is there a firewall or a proxy between? Try again later"
    return "cannot be reached: check the connection to the internet"


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
