"""The names of the entries of config.json: which there are, which are secret, and what other programs call them."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

OF_A_MACHINE: Final = ("host", "port", "key", "machine_name", "name", "serial_number", "model_name")
"""The entries that each machine has, at the top of the file or in the list of machines."""
OF_THE_ACCOUNT: Final = (
    "client_id",
    "client_secret",
    "username",
    "password",
    "access_token",
    "refresh_token",
    "token_expires",
)
"""The entries that are the owner's, not a machine's."""
CHOICE: Final = "machine"
"""The entry that names the machine to use of several, as `--machine` does."""
LIST: Final = "machines"
"""The entry with the list of machines."""
BROKER: Final = "mqtt"
"""The entry with the MQTT broker, which has entries of its own."""
AT_THE_TOP: Final = (*OF_A_MACHINE, *OF_THE_ACCOUNT, CHOICE, LIST, BROKER)

TEXTS: Final = frozenset((*OF_A_MACHINE, *OF_THE_ACCOUNT, CHOICE)) - {"port", "token_expires"}
"""The entries whose value is a text."""

SECRET_ENTRIES: Final = frozenset(
    ("client_id", "client_secret", "username", "password", "key", "access_token", "refresh_token")
)
"""The entries that are masked by default."""

_ELSEWHERE: Final = {  # what lmdirect, pylamarzocco, Home Assistant, the cloud and people say
    "ip": "host", "ip_addr": "host", "ip_address": "host", "address": "host", "hostname": "host", "machine_ip": "host",
    "clientid": "client_id", "clientsecret": "client_secret",
    "user": "username", "email": "username", "login": "username", "passwd": "password", "pass": "password",
    "communicationkey": "key", "communication_key": "key", "machine_key": "key", "lm_key": "key", "secret": "key",
    "serial": "serial_number", "serialnumber": "serial_number", "model": "model_name", "title": "machine_name",
    "accesstoken": "access_token", "token": "access_token", "refreshtoken": "refresh_token",
    "default": "machine", "default_machine": "machine", "device": "machine", "devices": "machines",
}  # fmt: skip


def is_secret(name: str) -> bool:
    """Whether an entry is masked by default: the known secrets, and every name that sounds like one."""
    lower = name.lower()
    return name in SECRET_ENTRIES or any(word in lower for word in ("secret", "password", "token", "key"))


def nearest(name: str, known: Collection[str] = AT_THE_TOP) -> str | None:
    """Returns the entry that somebody meant by another name; None if it is like none.

    Args:
        name: The name that somebody wrote.
        known: The names that there are.

    >>> nearest("hots"), nearest("Client-ID"), nearest("communicationKey"), nearest("brew_ratio")
    ('host', 'client_id', 'key', None)
    """
    plain = name.casefold().replace("-", "_").replace(" ", "_")
    if plain in known:
        return plain
    if (elsewhere := _ELSEWHERE.get(plain)) in known:
        return elsewhere
    near = get_close_matches(plain[:40], known, n=1, cutoff=0.7)
    return near[0] if near else None
