"""cloud1, the maker's first cloud (2019 to 2025): HTTPS to two hosts, JSON in both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lmdecode.codec.dialect import Dialect, FieldKind, OwnerAccess, Speaker

HOSTS: Final = ("cms.lamarzocco.io", "gw.lamarzocco.io", "gw-lmz.lamarzocco.io")
"""The hosts that speak it."""


def _never(_payload: bytes) -> bool:
    """Return False: in packets it is encrypted."""
    return False


def _serves(host: str, _port: int, _path: str) -> bool:
    return host.removesuffix(".") in HOSTS


def _open(access: OwnerAccess) -> Speaker:
    from lmdecode.codec.cloud1.conversation import speaker  # noqa: PLC0415 -- not every command decodes

    return speaker(access)


def _sniff_log(text: bytes) -> bool:
    from lmdecode.codec.cloud1.log import looks_like_log  # noqa: PLC0415 -- as above

    return looks_like_log(text)


def _fields() -> Mapping[str, FieldKind]:
    from lmdecode.codec.vocabulary import fields_of  # noqa: PLC0415 -- as above

    return fields_of("cloud1")


DIALECT: Final = Dialect(
    name="cloud1",
    title="the maker's first cloud, HTTP",
    ports=(),
    sniff=_never,
    open=_open,
    fields=_fields,
    sniff_log=_sniff_log,
    serves=_serves,
    hosts=HOSTS,
)
