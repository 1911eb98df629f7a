"""The proof that a copy is safe and right: it says what the original says, and has nothing of what was replaced."""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path
from typing import Final, NamedTuple

from lmdecode.app.errors import CommandError
from lmdecode.capture.reader import decode_capture
from lmdecode.codec.dialect import MachineKey, OwnerAccess
from lmdecode.codec.record import Record, Value
from lmdecode.codec.speakers import Speakers
from lmdecode.codec.v1.key import Key
from lmdecode.config import SAMPLE_KEY
from lmdecode.redaction.spellings import contains, is_telling, spellings
from lmdecode.redaction.substitutions import Kind, Substitute, Substitutions

_PIECE: Final = 1 << 20  # bytes of the copy that are searched at once
_OVERLAP: Final = 1 << 14  # bytes, more than any spelling has
_MANY: Final = frozenset((Kind.ID, Kind.SIGNATURE, Kind.TEXT, Kind.PLACE))
"""Kinds of which a file may have thousands: they are looked for as they stand, where a word of theirs stands alone."""
_WORD: Final = re.compile(rb"[A-Za-z0-9]{5,}")
_FAULT: Final = "the copy was not kept: {}. This is a fault of lmdecode; please report it, without the file"

_DAMAGED: Final = (
    "the copy was not kept: the original is damaged, and without the damaged parts what is left would say something "
    "else; cut out the piece that you want to share, and redact that"
)


class Reading(NamedTuple):
    """What a file is read with."""

    access: OwnerAccess
    port: int | None = None
    """The only TCP port to look at; None for those of all known protocols."""
    also: tuple[int, ...] = ()
    """Further ports."""

    def speakers(self) -> Speakers:
        """Returns the dialects."""
        return Speakers.open(self.access, self.port, self.also)


def compare(original: Path, copy: Path, reading: Reading, table: Substitutions) -> None:
    """Checks that a copy says what the original says, but for what was replaced, and nothing of that.

    Messages of the original that are not in the copy are no fault: what is not understood is left out.

    Raises:
        CommandError: It says something else.
    """
    said: dict[_Sketch, deque[dict[str, Value]]] = {}
    damaged: set[_Sketch] = set()
    for record in decode_capture(original, reading.speakers()):
        if record.problems:
            damaged.add(_sketch(record))
        else:
            said.setdefault(_sketch(record), deque()).append(dict(record.fields))
    sample = OwnerAccess([MachineKey("sample", Key.parse(SAMPLE_KEY))], show_secrets=True, origin="the samples")
    wanted = _Wanted(table)
    made = {each.text for each in table.known.values()}
    for record in decode_capture(copy, Speakers.open(sample, reading.port, reading.also)):
        for text in (record.plaintext, record.subject, record.data):
            if text:
                wanted.look_into(text.encode("utf-8", "surrogatepass"))
        if record.problems:
            continue
        expected = said.get(_sketch(record))
        if not expected and _sketch(record) in damaged:
            continue
        if not expected:
            raise CommandError(_DAMAGED if damaged else _FAULT.format("a message in it is not in the original"))
        fields = expected.popleft()
        # What a message adds to the one before it is another thing if that was damaged, and so is not in the copy.
        names = fields.keys() & record.fields.keys() if damaged else fields.keys() | record.fields.keys()
        if not all(
            name in fields and name in record.fields and _alike(fields[name], record.fields[name], made)
            for name in names
        ):
            raise CommandError(_DAMAGED if damaged else _FAULT.format("it says something else than the original"))
    wanted.look()


def search(copy: Path, table: Substitutions) -> None:
    """Checks that nothing secret is in a copy, in any spelling.

    Raises:
        CommandError: Something is; the message says of what kind, and not what.
    """
    wanted = _Wanted(table)
    with copy.open("rb") as file:
        while data := file.read(_PIECE):
            wanted.look_into(data)
    wanted.look()


class _Sketch(NamedTuple):
    """What must be alike in a message and in its copy."""

    time_ns: int
    sender: str
    kind: str | None
    address: int | None
    generation: str


def _sketch(record: Record) -> _Sketch:
    kind = None if record.kind is None else str(record.kind)
    return _Sketch(record.time_ns, record.sender, kind, record.address, record.generation)


def _alike(value: Value, copied: Value, made: set[str]) -> bool:
    """Returns whether a field's value is the same in the copy, or what stands for it."""
    if value == copied:
        return True
    return isinstance(copied, str) and any(each in copied or copied in each for each in made)


class _Wanted:
    """Looks for what is secret.

    Args:
        table: Has it.
    """

    def __init__(self, table: Substitutions) -> None:
        made = {each.text for each in table.known.values()}
        wanted = [
            (each.kind, spellings(value, all_of_them=each.kind not in _MANY))
            for value, each in table.known.items()
            if value not in made and _is_telling(value, each)
        ]
        self._spelled = [each for each in wanted if each[0] not in _MANY]
        self._by_word: dict[bytes, list[tuple[Kind, frozenset[bytes]]]] = {}
        for kind, spelled in wanted:
            if kind in _MANY:
                for each in spelled:
                    word = max(_WORD.findall(each), key=len, default=b"")
                    self._by_word.setdefault(word, []).append((kind, frozenset((each,))))
        self._held = bytearray()

    def look_into(self, data: bytes) -> None:
        """Take the next bytes; they are looked at once there are enough.

        Raises:
            CommandError: Something secret is in them.
        """
        self._held += data
        self._held += b"\n" if len(data) < _PIECE else b""
        if len(self._held) >= _PIECE:
            self.look()
            del self._held[:-_OVERLAP]

    def look(self) -> None:
        """Look at what was taken.

        Raises:
            CommandError: Something secret is in it.
        """
        data = bytes(self._held)
        words = {b"", *_WORD.findall(data)} if self._by_word else set[bytes]()
        near = [each for word in words & self._by_word.keys() for each in self._by_word[word]]
        for kind, spelled in (*self._spelled, *near):
            if contains(data, spelled) is not None:
                raise CommandError(_FAULT.format(f"it still has something secret of the original ({kind})"))


def _is_telling(value: str, substitute: Substitute) -> bool:
    """Returns whether a value is looked for: a number without a name may be any number."""
    return is_telling(value) and (substitute.kind not in _MANY or not value.replace(".", "").isdigit())
