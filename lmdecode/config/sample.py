"""The published key of the sample captures and the simulator, which never gets into one file with an owner's.

Beside an owner's it would take the place of the machine's own key, or be offered as another machine to choose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn

from lmdecode.codec.errors import KeyFormatError
from lmdecode.codec.v1.key import Key
from lmdecode.config import SAMPLE_KEY
from lmdecode.config.file import ConfigError, check_writable, entries_of
from lmdecode.config.names import LIST


def is_sample(value: object) -> bool:
    """Whether the value of an entry `key` is the published key, however it is written.

    >>> is_sample(SAMPLE_KEY), is_sample("x" * 32), is_sample(None)
    (True, False, False)
    """
    try:
        return isinstance(value, str) and Key.parse(value).secret == SAMPLE_KEY.encode()
    except KeyFormatError:
        return False


def refuse_mixture(entries: Mapping[str, object], new: Iterable[str], where: str) -> None:
    """Checks that entries may take keys, and the account of their owner.

    Args:
        entries: The entries of the file.
        new: The keys that are to be put there; none if only the account is.
        where: The file, for the message.

    Raises:
        ConfigError: The published key would stand beside an owner's key.
    """
    present, new = _keys(entries), list(new)
    samples = [is_sample(key) for key in new]
    if any(map(is_sample, present)) and not (samples and all(samples)):
        raise ConfigError(
            f'{where} has the published key of the samples as "key", and yours does not belong beside it: name another '
            f"file with --config, or move {where} away; for the samples there is --config captures/config.json"
        )
    if any(samples) and any(not is_sample(key) for key in present):
        refuse_sample_key(where)


def refuse_sample_key(where: str) -> NoReturn:
    """Says that the published key does not go into a file.

    Args:
        where: The file.

    Raises:
        ConfigError: Always.
    """
    raise ConfigError(
        f"this is the published key of the samples, and {where} is yours: for the samples and the simulator give "
        "--config captures/config.json, or set LMDECODE_KEY"
    )


def _keys(entries: Mapping[str, object]) -> list[object]:
    listed = entries.get(LIST)
    machines = [entries, *(listed if isinstance(listed, list) else [])]
    return [each["key"] for each in machines if isinstance(each, Mapping) and each.get("key")]


def check_takes_findings(path: Path) -> None:
    """Checks early whether a file can take what is found of an owner.

    Raises:
        ConfigError: It cannot be written, is not a configuration, or has the published key; one line.
    """
    check_writable(path)
    refuse_mixture(entries_of(path), [], str(path))
