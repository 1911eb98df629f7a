"""The names of the entries of config.json: which there are, which are secret, and what other programs call them."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from lmdecode.codec.record import MASK
from lmdecode.codec.v1.register import MODELS

OF_A_MACHINE: Final = (
    *("host", "port", "key", "generation", "bluetooth", "ble_token"),
    *("machine_name", "name", "serial_number", "model_name"),
)
"""The entries that each machine has, at the top of the file or in the list of machines."""
OF_THE_ACCOUNT: Final = (
    "client_id",
    "client_secret",
    "username",
    "password",
    "access_token",
    "refresh_token",
    "token_expires",
    "installation_id",
    "installation_secret",
    "installation_private_key",
)
"""The entries that are the owner's, not a machine's."""
CHOICE: Final = "machine"
"""The entry that names the machine to use of several, as `--machine` does."""
LIST: Final = "machines"
"""The entry with the list of machines."""
BROKER: Final = "mqtt"
"""The entry with the MQTT broker, which has entries of its own."""
AT_THE_TOP: Final = (*OF_A_MACHINE, *OF_THE_ACCOUNT, CHOICE, LIST, BROKER)

GENERATIONS: Final = ("v1", "v3", "bluetooth")
"""The generations that a live machine can be talked to in: the values of the entry `generation`."""
ALL_MODELS: Final = (*MODELS, "Linea Micra", "Linea Mini R")
"""The models that lmdecode knows by name: the values of the entry `model_name`."""

TEXTS: Final = frozenset((*OF_A_MACHINE, *OF_THE_ACCOUNT, CHOICE)) - {"port", "token_expires"}
"""The entries whose value is a text."""

SECRET_ENTRIES: Final = frozenset(
    (
        *("client_id", "client_secret", "username", "password", "key", "ble_token", "access_token", "refresh_token"),
        *("installation_id", "installation_secret", "installation_private_key"),
    )
)
"""The entries that are masked by default."""

_LONGEST_NAME: Final = 24  # characters of an entry's name; a key has 32
_SECRET: Final = ("secret", "passw", "passphrase", "pwd", "token", "key", "credential", "authorization")
_ELSEWHERE: Final = {  # what lmdirect, pylamarzocco, Home Assistant, the cloud and people say
    "ip": "host", "ip_addr": "host", "ip_address": "host", "address": "host", "hostname": "host", "machine_ip": "host",
    "clientid": "client_id", "clientsecret": "client_secret",
    "user": "username", "email": "username", "login": "username", "passwd": "password", "pass": "password",
    "communicationkey": "key", "communication_key": "key", "machine_key": "key", "lm_key": "key", "secret": "key",
    "serial": "serial_number", "serialnumber": "serial_number", "model": "model_name", "title": "machine_name",
    "bleauthtoken": "ble_token", "ble_auth_token": "ble_token", "bluetooth_token": "ble_token",
    "ble": "bluetooth", "bluetooth_name": "bluetooth", "bluetooth_address": "bluetooth",
    "installationid": "installation_id", "private_key": "installation_private_key",
    "accesstoken": "access_token", "token": "access_token", "refreshtoken": "refresh_token",
    "default": "machine", "default_machine": "machine", "device": "machine", "devices": "machines",
}  # fmt: skip


def without_user(text: str, *, is_host: bool = False) -> str:
    """Returns a text with `**` for the user and the password that a URL has before its host.

    Args:
        text: The text.
        is_host: Whether it is an address, which is one without `//` too.

    >>> without_user("mqtts://bob:secret@broker.home:8883"), without_user("bob:secret@broker.home", is_host=True)
    ('mqtts://**@broker.home:8883', '**@broker.home')
    """
    before, slashes, rest = text.partition("//")
    if not slashes or (is_host and not before.endswith(":")):
        before, slashes, rest = "", "", text if is_host else ""
    _, at, host = rest.rpartition("@")
    return f"{before}{slashes}{MASK}@{host}" if at else text


NO_ADDRESS: Final = "give the name or the number alone, such as 192.168.1.215"
"""What to do about a host that is none."""


def is_address(host: str) -> bool:
    """Whether a text can be a machine's address: it is one word, and no URL, which may hold a password.

    >>> is_address("192.168.1.215"), is_address("fe80::1%eth0"), is_address("http://me:secret@192.168.1.215")
    (True, True, False)
    """
    return not re.search(r"[\s/@]", host)


def shortened(name: str) -> str:
    """Returns the name of an entry for a message: a key that somebody wrote in the wrong place is not shown.

    >>> shortened("machine_name"), shortened("n" * 32)
    ('machine_name', 'nnnnnnnn…')
    """
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME // 3]}…"


def is_secret(name: str) -> bool:
    """Whether an entry is masked by default: the known secrets, those misspelt, and what sounds like one.

    >>> is_secret("mqtt_passwd"), is_secret("paswort"), is_secret("communicationKey"), is_secret("host")
    (True, True, True, False)
    """
    lower = name.casefold()
    return name in SECRET_ENTRIES or any(word in lower for word in _SECRET) or nearest(name) in SECRET_ENTRIES


def nearest(name: str, known: Collection[str] = AT_THE_TOP) -> str | None:
    """Returns the entry whose name is most like a misspelt one; None if no name is similar.

    Args:
        name: The name that somebody wrote.
        known: The valid names.

    >>> nearest("hots"), nearest("Client-ID"), nearest("communicationKey"), nearest("brew_ratio")
    ('host', 'client_id', 'key', None)
    """
    plain = name.casefold().replace("-", "_").replace(" ", "_")
    if plain in known:
        return plain
    if (elsewhere := _ELSEWHERE.get(plain)) in known:
        return elsewhere
    from difflib import get_close_matches  # noqa: PLC0415 -- only for a name that is not there

    near = get_close_matches(plain[:40], known, n=1, cutoff=0.7)
    return near[0] if near else None
