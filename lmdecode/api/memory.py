"""Memory images, for programs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from lmdecode.analysis.changes import Differences, differences
from lmdecode.analysis.columns import current_name
from lmdecode.analysis.memory_history import History, memory_of
from lmdecode.api.arguments import PathLike
from lmdecode.app.files import load_image
from lmdecode.atomic_file import replacing
from lmdecode.codec.record import Record, Value
from lmdecode.codec.v1 import image as memory_image
from lmdecode.codec.v1.memory import NamedMemory, model_of
from lmdecode.codec.v1.window import Fields, decode_window


def history(records: Iterable[Record]) -> History:
    """Returns a machine's memory over time, reconstructed from Records.

    Args:
        records: The Records of one machine, in the order of time.

    >>> import lmdecode
    >>> records = lmdecode.decode("captures/gs3av-settings.pcap", config="captures/config.json")
    >>> changes = lmdecode.history(records).changes
    >>> [(change.old.hex(), change.new.hex()) for change in changes if change.place.name == "dose_k2"]
    [('0076', '0079')]
    """
    found = History()
    for record in records:
        found.add(record)
    return found


class MemoryImage(memory_image.MemoryImage):
    """A machine's memory, as far as it is known: 64 KiB, each byte known or not.

    Its file is text that suits `diff`. `lmdecode scan` writes such files, and `lmdecode simulate --image` reads them.

    >>> import lmdecode
    >>> records = lmdecode.decode("captures/gs3av-settings.pcap", config="captures/config.json")
    >>> image = lmdecode.MemoryImage.from_records(records)
    >>> image.model, image.get("coffee_set_temp"), image.read(0x0007, 2).hex()
    ('GS3 AV', 93.5, '03a7')
    """

    __slots__ = ()

    @classmethod
    def load(cls, path: PathLike) -> Self:
        """Reads the file of an image.

        Raises:
            MemoryImageError: The file cannot be read, or is not an image.
        """
        image = load_image(Path(path))
        return cls(image.memory, image.model, image.made, image.source, image.serial)

    @classmethod
    def from_records(cls, records: Iterable[Record], *, source: str | None = None) -> Self:
        """Returns the memory after some Records of one machine, from what it said and the writes that it accepted.

        Args:
            records: In the order of time. Records with problems, and masked secrets, do not count.
            source: The origin of the Records, to note in the file.
        """
        memory = memory_of(records)
        serial = NamedMemory(memory).get("machine_ser_num")
        return cls(memory, model_of(memory), source=source, serial=serial if isinstance(serial, str) else None)

    def save(self, path: PathLike, *, show_secrets: bool = False) -> None:
        """Writes the file of an image: all of it, or nothing.

        Args:
            path: The file; an existing one is replaced.
            show_secrets: Whether the machine's cloud account is written, if it is known.

        Raises:
            OSError: The file cannot be written.
        """
        text = memory_image.image_text(self, show_secrets=show_secrets)
        with replacing(Path(path).resolve(), private=show_secrets) as file:
            file.write(text.encode())

    def read(self, address: int, length: int) -> bytes | None:
        """Returns the bytes of a window; None unless all of them are known."""
        return self.memory.read(address, length)

    def get(self, name: str) -> Value | None:
        """Returns a value by its name, in its unit; None if its bytes are not known."""
        return self.fields.get(current_name(name))

    @property
    def fields(self) -> Fields:
        """All values whose bytes are known, by name."""
        found: Fields = {}
        for address, data in self.memory.runs():
            for name, value in decode_window(address, data)[0].items():
                found.setdefault(name, value)  # a copy at a higher address may be of another time
        return found

    @property
    def known(self) -> dict[int, int]:
        """All bytes that are known, by address: `old.known.items() ^ new.known.items()` are the differences."""
        return {address: byte for start, data in self.memory.runs() for address, byte in enumerate(data, start)}

    def differences(self, newer: memory_image.MemoryImage) -> Differences:
        """Returns the differences to another memory: the changed places, and the bytes that only one of the two knows.

        >>> import lmdecode
        >>> with lmdecode.simulate() as simulated, simulated.connect() as machine:
        ...     before = machine.memory()
        ...     _ = machine.set("dose", 2, 121)
        ...     found = before.differences(machine.memory())
        >>> [(each.old.hex(), each.new.hex()) for each in found.changed if each.place.name == "dose_k2"]
        [('0076', '0079')]
        """
        return differences(self.memory, newer.memory)

    def __repr__(self) -> str:
        parts = (self.model, f"{len(self.known):,} bytes", self.made, self.source)
        return f"<MemoryImage: {', '.join(filter(None, parts))}>"
