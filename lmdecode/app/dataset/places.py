"""Where captures are: paths on this computer, and URLs, which fsspec opens.

Who may read a bucket or a server is for fsspec and the libraries under it to know: environment variables, ~/.aws, the
agent and keys of ssh. A URL may hold a user's name, a password or a token all the same. `shown` takes them out, and
whatever is said of a file says it of that name. Messages of libraries often have the whole URL, so `reason_of` tells
what happened in words of its own.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, Any, Final

from lmdecode.app.dataset.unit import File
from lmdecode.capture.source import CaptureError
from lmdecode.codec.printable import encodable
from lmdecode.extras import EXTRAS, install_command

NO_CONNECTION: Final = 3
"""The exit code where nothing could be reached."""

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(?:://|::)")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_QUERY: Final = re.compile("[?#]")
_CHAINED: Final = re.compile(r"::(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_GOOD_HOST: Final = re.compile(r"(?:[^/?#@]*@)?(?:\[[^\]/?#@]*\]|[^/?#@:\[\]]*)(?::\d*)?(?=[/?#]|$)")
"""What stands before the path: it may hold `user:password@`, and the password may hold no `/`, `?`, `#` or `@`."""
_BUCKETS: Final = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oci", "oss", "cos", "obs", "r2"})
"""Protocols of buckets, as fsspec calls them."""
_EXTRA_OF: Final = {
    "s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "sftp": "sftp", "ssh": "sftp", "http": "http", "https": "http",
}  # fmt: skip
_STAMPS: Final = ("ETag", "etag", "md5Hash", "crc32c", "LastModified", "Last-Modified", "mtime", "updated", "created")
_SILENCE: Final = 20.0  # s in which a web server must say something
_LONGEST: Final = 300.0  # s for an answer of a web server, which has some megabytes
_REFUSED: Final = frozenset({401, 403})
_MISSING: Final = frozenset({404, 410})
_FAILING: Final = 500


class PlaceError(CaptureError):
    """A place cannot be reached, or not read."""

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__(text)
        self.exit_code = exit_code


def is_url(text: str) -> bool:
    """Returns whether a text is a URL rather than a path.

    >>> is_url("s3://bucket/x.pcap"), is_url("zip::file.zip"), is_url("C:/x.pcap"), is_url("a:b.pcap")
    (True, True, False, False)
    """
    return _URL.match(text) is not None


def shown(url: str) -> str:
    """Returns a URL without what may be secret: user, password, query and fragment.

    >>> shown("sftp://me:secret@router/captures/x.pcap")
    'sftp://router/captures/x.pcap'
    >>> shown("https://host/x.pcap?X-Amz-Signature=secret"), shown("zip://a.pcap::s3://key@bucket/z.zip")
    ('https://host/x.pcap', 'zip://a.pcap::s3://bucket/z.zip')
    """
    return encodable("::".join(map(_shown_part, _CHAINED.split(url))))


def _shown_part(part: str) -> str:
    match = _SCHEME.match(part)
    if match is None:
        return part
    rest = part[match.end() :]
    good = _GOOD_HOST.match(rest)
    if good is None:  # a password with a character that should be %-encoded: its end is the last @ at the latest
        return match[0] + _QUERY.split(rest.rpartition("@")[2], maxsplit=1)[0]
    path = rest[good.end() :]
    if path[:1] in {"?", "#"} and "@" in path:
        return match[0]  # a query, or a user's name with such a character
    return match[0] + good[0].rpartition("@")[2] + _QUERY.split(path, maxsplit=1)[0]


def file_system(url: str) -> tuple[Any, str]:
    """Returns the file system of a URL and the path in it, as fsspec has them.

    Raises:
        PlaceError: There is no such storage, its extra is not installed, or it cannot be reached.
    """
    name = shown(url)
    scheme = url.partition("::")[0].partition("://")[0].lower()
    try:
        import fsspec
        from fsspec.core import url_to_fs
    except ImportError:
        raise PlaceError(_missing(name, _EXTRA_OF.get(scheme, "dataset"))) from None
    _keep_logs_quiet(scheme)
    try:
        found, path = url_to_fs(url, **_patience(url))
    except ImportError:
        lacking = next((each for each in _schemes(url) if _lacks(fsspec, each)), scheme)
        raise PlaceError(_missing(name, _EXTRA_OF.get(lacking, ""))) from None
    except Exception as error:  # noqa: BLE001 -- each storage has its own
        if isinstance(error, ValueError) and "rotocol not known" in str(error):
            raise PlaceError(
                f"{name}: there is no storage {scheme}://; there are file, s3, gs, sftp, https", 2
            ) from None
        raise PlaceError(reason_of(error, name), exit_code_of(error)) from None
    return found, path


def protocols_of(storage: Any) -> frozenset[str]:  # noqa: ANN401 -- fsspec has no types
    """Returns the names that fsspec has for the protocol of a file system, such as `s3` and `s3a`."""
    return frozenset({storage.protocol} if isinstance(storage.protocol, str) else storage.protocol)


def is_bucket(storage: Any) -> bool:  # noqa: ANN401 -- fsspec has no types
    """Returns whether a file system is one of buckets, which have no folders and whose files are always whole."""
    return not protocols_of(storage).isdisjoint(_BUCKETS)


def _keep_logs_quiet(scheme: str) -> None:
    """Keeps what libraries log, with tracebacks, from stderr. Whoever has set logging up gets it still."""
    for name in ("asyncio", "paramiko") if scheme in {"sftp", "ssh"} else ("asyncio",):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


def _patience(url: str) -> dict[str, Any]:
    """Returns the options by which a web server that says nothing is given up: it would be waited for for minutes."""
    wanted = {"http", "https"} & set(_schemes(url))
    if not wanted:
        return {}
    try:
        from aiohttp import ClientTimeout
        from fsspec.config import conf
    except ImportError:  # what is missing is said by fsspec
        return {}
    timeout = ClientTimeout(total=_LONGEST, sock_connect=_SILENCE, sock_read=_SILENCE)
    free = [each for each in wanted if "client_kwargs" not in conf.get(each, {})]  # or the user has said how long
    return {each: {"client_kwargs": {"timeout": timeout}} for each in free}


def _schemes(url: str) -> list[str]:
    return [part.partition("://")[0].lower() for part in url.split("::")]


def _lacks(fsspec: Any, scheme: str) -> bool:  # noqa: ANN401 -- a module
    try:
        fsspec.get_filesystem_class(scheme)
    except (ImportError, ValueError):
        return True
    return False


def _missing(name: str, extra: str) -> str:
    """Returns what to say if the package for a storage is not installed."""
    if extra not in EXTRAS:
        return f"{name}: the package that fsspec needs for it is not installed"
    return f"{name} needs a package that is not installed: {install_command(extra)}"


@contextmanager
def opened(url: str, block: int = 8 << 20) -> Iterator[IO[bytes]]:
    """Opens a file elsewhere for reading, from its beginning.

    Args:
        url: The file.
        block: Bytes that are asked for at a time.

    Raises:
        PlaceError: It is not there, or cannot be reached.
    """
    storage, path = file_system(url)
    try:
        file = storage.open(path, "rb", block_size=block, cache_type="readahead")
    except Exception as error:  # noqa: BLE001 -- as above
        raise PlaceError(reason_of(error, shown(url)), exit_code_of(error)) from None
    with file:
        yield file


def file_at(url: str) -> File | None:
    """Returns what is at a path or URL now; None if there is nothing.

    Raises:
        PlaceError: It cannot be reached.
    """
    if not is_url(url):
        try:
            return local_file(url, encodable(url), os.stat(url))  # noqa: PTH116 -- it is a text
        except OSError:
            return None
    storage, path = file_system(url)
    storage.invalidate_cache()
    try:
        return remote_file(url, storage, storage.info(path))
    except FileNotFoundError as error:
        if error.__cause__ is not None and exit_code_of(error) == NO_CONNECTION:
            raise PlaceError(reason_of(error, shown(url)), NO_CONNECTION) from None
        return None
    except Exception as error:  # noqa: BLE001 -- as above
        raise PlaceError(reason_of(error, shown(url)), exit_code_of(error)) from None


def local_file(url: str, name: str, found: os.stat_result) -> File:
    """Returns a file on this computer.

    Args:
        url: Its path.
        name: What it is called in messages.
        found: What the system says of it.
    """
    return File(url, name, found.st_size, str(found.st_mtime_ns), found.st_mtime_ns)


def remote_file(url: str, storage: Any, info: Mapping[str, Any]) -> File:  # noqa: ANN401 -- fsspec has no types
    """Returns a file elsewhere.

    Args:
        url: Its URL.
        storage: Its file system.
        info: What that says of it.
    """
    size = info.get("size")
    stamps = [str(info[each]) for each in _STAMPS if info.get(each)]
    written = None if is_bucket(storage) else _moment_ns(info)
    return File(url, shown(url), -1 if size is None else int(size), stamps[0] if stamps else "", written)


def _moment_ns(info: Mapping[str, Any]) -> int | None:
    """Returns when a file was last written, as a file system says it; None if it does not."""
    moment = info.get("mtime") or info.get("modified") or info.get("Last-Modified")
    if isinstance(moment, str):
        from email.utils import parsedate_to_datetime

        try:
            moment = parsedate_to_datetime(moment)
        except ValueError:
            return None
    if isinstance(moment, datetime):
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return int(moment * 1_000_000_000) if isinstance(moment, int | float) else None


def exit_code_of(error: BaseException) -> int:
    """Returns the exit code for what a storage raised: `NO_CONNECTION`, or 1."""
    kinds = [_kind(each) for each in _chain(error)]
    return NO_CONNECTION if "unreachable" in kinds and "refused" not in kinds else 1


def reason_of(error: BaseException, name: str) -> str:
    """Returns what a storage's error means, as one line, without anything secret.

    Args:
        error: What was raised, by any of the libraries.
        name: What the place is called, as `shown` returns it.
    """
    kinds = [_kind(each) for each in _chain(error)]
    for kind, said in _SAID.items():
        if kind in kinds:
            return f"{name} {said}"
    return f"{name} cannot be read ({_words(error)}); try to read it with another program"


_SAID: Final = {
    "no credentials": "cannot be read: there are no credentials for it; set them as fsspec expects them "
    "(AWS_ACCESS_KEY_ID or ~/.aws, GOOGLE_APPLICATION_CREDENTIALS)",
    "key changed": "was not read: its server has another key than ~/.ssh/known_hosts says; ask who runs it",
    "refused": "cannot be read: access was refused; check the credentials and what they allow",
    "unreachable": "cannot be reached; check the address and the network",
    "failing": "cannot be read: its server gives no answer that can be used; try again later",
    "missing": "does not exist; check the address",
}
"""What to say, by what happened; the first that fits."""


def _kind(error: BaseException) -> str:
    """Returns what an error is about; "" if it does not show."""
    names = {each.__name__ for each in type(error).__mro__}
    status = _status(error)
    if names & {"NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError", "ProfileNotFound"}:
        return "no credentials"
    if "BadHostKeyException" in names:
        return "key changed"
    if status in _REFUSED or names & {"PermissionError", "AuthenticationException"}:
        return "refused"
    if status in _MISSING or names & {"FileNotFoundError", "NotADirectoryError"}:
        return "missing"
    if names & {
        "ConnectionError", "TimeoutError", "gaierror", "ClientConnectionError", "EndpointConnectionError",
        "HTTPClientError", "SSHException", "NoValidConnectionsError", "ServerDisconnectedError", "EOFError",
        "ClientPayloadError",
    }:  # fmt: skip
        return "unreachable"
    # A ClientResponseError is also raised at an answer that is no HTTP at all.
    return "failing" if (status or 0) >= _FAILING or "ClientResponseError" in names else ""


def _status(error: BaseException) -> int | None:
    """Returns the number of a web server's or a bucket's answer, if the error tells of one."""
    found: Any = getattr(error, "status", None) or getattr(error, "code", None)
    answer = getattr(error, "response", None)
    if found is None and isinstance(answer, Mapping):
        found = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return found if isinstance(found, int) else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yields an error and what led to it, without end only if somebody made a ring of them."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__


def _words(error: BaseException) -> str:
    """Returns an error in words, without a text that may have the URL in it."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else ""
    return text if text and ":" not in text else type(error).__name__
