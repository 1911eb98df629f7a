"""What is made of messages: Records, or, where these would only be written down, that which is written.

To make a Record and take it apart again costs more than all that is between, so a `ConversationOf` does not make it
itself: it is given a `Maker`, and tells that what a faultless message says. Of anything else it makes the Record, and
the maker what it likes of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeVar

from lmdecode.codec.record import Record, Role, Sender
from lmdecode.codec.v1._fast import HEADER, Window
from lmdecode.codec.v1.decoded import NO_FIELDS
from lmdecode.codec.v1.json_fields import JsonFields
from lmdecode.codec.v1.values import Value

__all__ = ["RECORDS", "Maker", "Records"]

T_co = TypeVar("T_co", covariant=True)


class Maker(Protocol[T_co]):
    """Makes something of each message."""

    as_json: bool
    """Whether it is best told the fields as JSON."""

    def same(  # noqa: PLR0917 -- as a Record has them
        self, stream: int, sender: Sender, source: str, destination: str, window: Window, role: Role
    ) -> Any:  # noqa: ANN401 -- is only given back
        """What all messages of one window in one connection have in common, in whatever form `faultless` likes it."""

    def faultless(  # noqa: PLR0917 -- one call a message, and names would cost more than all that it does
        self,
        time_ns: int,
        same: Any,  # noqa: ANN401 -- what `same` gave
        text: str,
        fields: Mapping[str, Value] | str,
        elapsed: float | None,
        machine: str | None,
    ) -> T_co:
        """What is made of a faultless message, by its plaintext and its fields or their JSON."""

    def record(self, record: Record) -> T_co:
        """What is made of anything else, or of a Record that is there already."""


class Records:
    """Makes Records."""

    as_json = False

    def same(  # noqa: PLR0917 -- see `Maker`
        self, stream: int, sender: Sender, source: str, destination: str, window: Window, role: Role
    ) -> tuple[object, ...]:
        """The fields of the Record from `stream` to `length`."""
        kind, address, length = window
        return stream, sender, source, destination, kind, role, address, length

    def faultless(  # noqa: PLR0917 -- see `Maker`
        self,
        time_ns: int,
        same: tuple[object, ...],
        text: str,
        fields: Mapping[str, Value] | str,
        elapsed: float | None,
        machine: str | None,
    ) -> Record:
        """The Record of a faultless message."""
        data = text[HEADER:-2].lower() or None
        if isinstance(fields, str):
            fields = NO_FIELDS if data is None else JsonFields(fields)
        # `tuple.__new__` takes a third of the time of calling it.
        return tuple.__new__(Record, (time_ns, *same, data, text, fields, None, elapsed, None, (), machine))

    def record(self, record: Record) -> Record:
        """Itself."""
        return record


RECORDS: Final = Records()
