"""The key file of pylamarzocco, with which a program signs what it asks of the cloud of today."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from lmdecode.cloud.findings import Installation, Secret

_LARGEST: Final = 1 << 14  # bytes; such a file has 400


def read_installation_key(path: Path) -> Installation | None:
    """Return the installation of a key file (`installation_key.json`); None if the file is something else.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    return None if len(data) > _LARGEST else parse_installation_key(data)


def parse_installation_key(data: bytes) -> Installation | None:
    """Return the installation that JSON text describes; None if it describes none.

    >>> found = parse_installation_key(b'{"secret": "c2Vj", "private_key": "a2V5", "installation_id": "0e4d"}')
    >>> found.secrets()
    {'installation id': Secret(**), 'installation secret': Secret(**), 'installation private key': Secret(**)}
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    found = [value.get(name) for name in ("installation_id", "secret", "private_key")]
    if not all(isinstance(each, str) and each for each in found):
        return None
    return Installation(*(Secret(each) for each in found if isinstance(each, str)))
