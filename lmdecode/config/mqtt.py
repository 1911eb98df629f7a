"""The MQTT broker of `lmdecode bridge`, named on the command line, in the environment, or in config.json.

In config.json it is:

    {…, "mqtt": {"host": "mqtts://broker.home", "username": "coffee", "password": "…", "ca_file": "/etc/ssl/home.pem"}}

What the command line says wins, then the environment, then the file. But user and password of the file belong to the
broker of the file: they are not sent to another one that the command line names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from lmdecode.codec.errors import LmdecodeError
from lmdecode.config.file import ConfigError, find_config, load_config

SECTION: Final = "mqtt"
"""The entry of config.json that has these."""
ENTRIES: Final[Mapping[str, str]] = {
    "host": "the broker: HOST, HOST:PORT, mqtt://HOST or, encrypted, mqtts://HOST",
    "port": "its port; 1883, or encrypted 8883, if it is missing",
    "username": "the user, if the broker asks for one",
    "password": "the user's password",
    "tls": "true: encrypted, also without mqtts://",
    "ca_file": "the certificate of the authority that signed the broker's; implies tls",
    "client_id": "the name by which the broker knows the bridge; made of the machines' addresses if it is missing",
    "prefix": "the first level of the bridge's topics: lmdecode",
    "discovery_prefix": "the first level of Home Assistant's discovery topics: homeassistant",
}
"""The entries of the section, and what they say."""
PASSWORD_VARIABLE: Final = "LMDECODE_MQTT_PASSWORD"  # noqa: S105 -- the name of a variable, not a password
"""The environment variable with the password."""
PREFIX: Final = "lmdecode"
DISCOVERY_PREFIX: Final = "homeassistant"

_PORT: Final = 1883
_TLS_PORT: Final = 8883
_SCHEMES: Final = {"": None, "mqtt": False, "tcp": False, "mqtts": True, "ssl": True}
_ADDRESS = re.compile(
    r"(?:(?P<scheme>\w+)://)?(?:(?P<user>[^@/:]*)(?::(?P<password>[^@/]*))?@)?"
    r"(?:\[(?P<six>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^:\[\]@/\s]+))(?::(?P<port>[0-9]{1,9}))?/?\Z"
).match
_LEVELS = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*\Z").match
_LONGEST: Final = 100  # characters of a prefix or a client's name
_LONGEST_FIELD: Final = 0xFFFF  # bytes, whose number MQTT writes in two


class BrokerError(LmdecodeError):
    """The broker is not clear; one line that says what to give."""

    exit_code = 2


@dataclass(frozen=True, slots=True, repr=False)
class Broker:
    """A broker, and how to talk to it."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: bool = False
    ca_file: Path | None = None
    client_id: str | None = None
    """None: one is made of the machines' addresses."""
    prefix: str = PREFIX
    discovery_prefix: str = DISCOVERY_PREFIX
    password_was_visible: bool = False
    """Whether the password came from the command line, which other programs can see."""

    def __post_init__(self) -> None:
        """Checks what would break the packet that logs in.

        Raises:
            BrokerError: The user or the password is none that MQTT can carry.
        """
        for what, text in (("user", self.username), ("password", self.password)):
            if text is not None and not _fits(text):
                raise BrokerError(
                    f"the broker's {what} is none: it is too long, or has characters that nobody can type"
                )


def find_broker(
    *,
    address: str | None,
    username: str | None,
    ca_file: Path | None,
    client_id: str | None,
    prefix: str | None,
    discovery_prefix: str | None,
    config: Path | None,
) -> Broker:
    """Returns the broker that a command line, the environment and a configuration name.

    Args:
        address: HOST, HOST:PORT, or a URL; None: the one in the configuration. The others likewise.
        username: The user.
        ca_file: The certificate of the authority that signed the broker's.
        client_id: What the broker knows this client by.
        prefix: The first levels of the bridge's topics.
        discovery_prefix: The first levels of Home Assistant's discovery topics.
        config: The configuration that the user named.

    Raises:
        BrokerError: There is no broker, or something about it is not valid.
        ConfigError: The configuration cannot be used.
    """
    path = find_config(config)
    entries = _section(path) if path else {}
    of_file = str(entries.get("host") or "")
    if not address and not of_file:
        raise BrokerError('no MQTT broker: give --mqtt HOST, or set it in config.json: "mqtt": {"host": "HOST"}')
    parts = typed = _parts(address or of_file, "--mqtt" if address else f'"host" of "{SECTION}" in {path}')
    if address and of_file and _host(of_file) == parts["host"]:
        # The password of an encrypted connection must not go out in clear because the scheme was not typed again.
        known = _parts(of_file, f'"host" of "{SECTION}" in {path}')
        parts = {name: value or known[name] for name, value in typed.items()}
    elif address and of_file:
        entries = {name: value for name, value in entries.items() if name in {"prefix", "discovery_prefix"}}
    user = username or parts["user"] or entries.get("username") or None
    visible = typed["password"] if address else None
    password = visible or os.environ.get(PASSWORD_VARIABLE) or parts["password"] or entries.get("password") or None
    ca = ca_file or entries.get("ca_file") or None
    tls = _SCHEMES[parts["scheme"] or ""]
    encrypted = bool(ca or entries.get("tls")) if tls is None else tls
    if ca and not encrypted:
        raise BrokerError("a CA file is for an encrypted connection: give mqtts:// instead of mqtt://")
    if entries.get("tls") and not encrypted:
        raise BrokerError(f'"tls" of "{SECTION}" in {path} is true, but mqtt:// is not encrypted: give mqtts://')
    port = parts["port"] or (entries.get("port") if not address or parts["host"] == _host(of_file) else None)
    return Broker(
        host=parts["host"] or "",
        port=_port(port, _TLS_PORT if encrypted else _PORT, path if not parts["port"] else None),
        username=None if user is None else str(user),
        password=None if password is None else str(password),
        tls=encrypted,
        ca_file=None if ca is None else _file(Path(str(ca))),
        client_id=_client_id(client_id or entries.get("client_id")),
        prefix=_levels(prefix or entries.get("prefix") or PREFIX, "prefix"),
        discovery_prefix=_levels(
            discovery_prefix or entries.get("discovery_prefix") or DISCOVERY_PREFIX, "discovery_prefix"
        ),
        password_was_visible=visible is not None,
    )


def section_problems(section: object) -> list[str]:
    """Returns what is wrong with the entry "mqtt" of a configuration, one line each; no value is quoted."""
    found = _wrong_types(section)
    if not isinstance(section, Mapping) or found:
        return found
    if not _is_port(section.get("port", _PORT)):
        found.append(_no_port(f'"port" of "{SECTION}"'))
    if section.get("host"):
        try:
            _parts(section["host"], f'"host" of "{SECTION}"')
        except BrokerError as error:
            found.append(str(error))
    return found


def _wrong_types(section: object) -> list[str]:
    if not isinstance(section, Mapping):
        return [f'"{SECTION}" is not an object: {{"host": "…"}}']
    found = [
        f'"{name}" of "{SECTION}" is not text: put it in double quotes'
        for name, value in section.items()
        if name in ENTRIES and name not in {"port", "tls"} and not isinstance(value, str)
    ]
    if not isinstance(section.get("tls", False), bool):
        found.append(f'"tls" of "{SECTION}" is neither true nor false')
    return found


def _section(path: Path) -> Mapping[str, object]:
    section = load_config(path).entries.get(SECTION, {})
    problems = _wrong_types(section)
    if not isinstance(section, Mapping) or problems:
        raise ConfigError(f"{path}: {problems[0]}")
    for problem in _misspelt(section):
        raise ConfigError(f"{path}: {problem}")
    return section


def _misspelt(names: Iterable[str]) -> Iterator[str]:
    """Yields what is wrong with names that look like entries and are none; any other may be another program's."""
    from difflib import get_close_matches  # noqa: PLC0415 -- only who runs a bridge needs it

    for name in names:
        near = [] if name in ENTRIES else get_close_matches(name, ENTRIES, n=1)
        if near:
            yield f'"{SECTION}" has no entry "{name[:40]}": did you mean {near[0]}?'


def _parts(text: str, where: str) -> dict[str, str | None]:
    match = _ADDRESS(text.strip())
    if match is None or (match["scheme"] or "") not in _SCHEMES:
        # The text may hold a password, so it is not quoted.
        raise BrokerError(f"{where} is not a broker: give HOST, HOST:PORT, mqtt://HOST or mqtts://HOST")
    return {
        "scheme": match["scheme"],
        "user": unquote(match["user"]) if match["user"] else None,
        "password": unquote(match["password"]) if match["password"] else None,
        "host": match["six"] or match["host"],
        "port": match["port"],
    }


def _host(text: str) -> str | None:
    match = _ADDRESS(text.strip())
    return match and (match["six"] or match["host"])


def _port(value: object, default: int, path: Path | None) -> int:
    if value is None:
        return default
    if not _is_port(value):
        where = f'{path}: "port" of "{SECTION}"' if path else "--mqtt: what follows the colon"
        raise BrokerError(_no_port(where))
    return int(str(value))


def _no_port(where: str) -> str:
    return f"{where} is not a port: it should be {_PORT}, or {_TLS_PORT} for mqtts"


def _is_port(value: object) -> bool:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 0x10000


def _file(path: Path) -> Path:
    if not path.is_file():
        raise BrokerError(f"there is no CA file {path}: check the name")
    return path


def _fits(text: str) -> bool:
    try:
        return len(text.encode()) <= _LONGEST_FIELD and "\0" not in text
    except UnicodeEncodeError:  # half a character, from bytes that are not UTF-8
        return False


def _levels(value: object, name: str) -> str:
    text = str(value)
    if len(text) > _LONGEST or not _LEVELS(text):
        raise BrokerError(f"{name} {text[:40]!r} does not begin a topic: use letters, digits, _ . - and / between them")
    return text


def _client_id(value: object) -> str | None:
    if not value:
        return None
    text = str(value)
    if len(text) > _LONGEST or not _LEVELS(text) or "/" in text:
        raise BrokerError(f"client id {text[:40]!r}: give letters, digits, _ . and - only")
    return text
