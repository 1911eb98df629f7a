"""Fields that come as JSON: from another process, and perhaps only to be written down again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import orjson

from lmdecode.codec.v1.values import Value

__all__ = ["JsonFields"]


class JsonFields(Mapping[str, Value]):
    """Named values out of a JSON object, which is not read before somebody asks for one.

    >>> JsonFields('{"coffee_temp":95.6}')["coffee_temp"]
    95.6
    """

    __slots__ = ("_values", "json")
    _values: dict[str, Value]

    def __init__(self, json: str) -> None:
        self.json = json
        """The object as it came."""

    def copy(self) -> dict[str, Value]:
        """All of them."""
        return dict(self._read())

    def _read(self) -> dict[str, Value]:
        try:
            return self._values
        except AttributeError:  # the first time
            values: dict[str, Value] = orjson.loads(self.json)
            self._values = values
            return values

    def __getitem__(self, name: str) -> Value:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return repr(self._read())
