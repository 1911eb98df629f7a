"""A copy of a capture, a recording or a log that can be posted: made, and proved.

The input is read three times, so that memory does not grow with it. The first reading finds out what is secret. The
second writes the copy, in which everything that the first found is replaced wherever it stands. The third compares: the
copy is decoded, and must say the same as the original but for what was replaced; and it is searched for all that is
secret, in all spellings. Only then does it get its name.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from lmdecode.app.asked import Asked, Opened
from lmdecode.app.decode import Progress, no_progress
from lmdecode.app.errors import CommandError, UsageError
from lmdecode.app.files import STDIN, is_live, refuse_to_overwrite, whole_file
from lmdecode.app.redact_proof import Reading, compare, search
from lmdecode.capture.formats import btsnoop as snoop
from lmdecode.capture.formats import debug_log, open_capture, pcap, pcapng
from lmdecode.capture.formats import flows as saved
from lmdecode.capture.formats import har as archive
from lmdecode.capture.formats import packet_logger as logger
from lmdecode.capture.reader import decode_capture
from lmdecode.capture.source import CaptureStatistics
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.v1.key import Key
from lmdecode.config import SAMPLE_KEY
from lmdecode.config.keys import NoKeyError, find_keys
from lmdecode.redaction.archives import flows, har
from lmdecode.redaction.attributes import HCI_WITH_DIRECTION, RadioCopy, btsnoop, packet_logger, with_direction
from lmdecode.redaction.copyist import Copy, Copyist
from lmdecode.redaction.listening import listeners
from lmdecode.redaction.logs import LogCopy
from lmdecode.redaction.packets import ETHERNET, PacketCopy, PcapFile
from lmdecode.redaction.substitutions import Kind, Substitutions
from lmdecode.redaction.summary import Redacted, Replaced

_COMPRESSED: Final = frozenset((".gz", ".zst", ".bz2", ".xz", ".lz4"))


def redact(asked: Asked, original: Path, output: Path, *, progress: Progress = no_progress) -> Redacted:
    """Writes a copy of a file without secrets.

    Args:
        asked: The keys and the port to read it with.
        original: The file.
        output: The copy, which must not be the file.
        progress: Opens a progress bar.

    Raises:
        CommandError: The file is of a kind of which no copy can be made, or the copy is not safe.
        UsageError: The file is no file, or is the copy.
        NoKeyError: It has frames of v1, and there is no key.
        CaptureError: It cannot be read.
    """
    _check(original, output)
    reading = _reading(asked)
    kind = _kind(original)
    key = Key.parse(SAMPLE_KEY)
    table = Substitutions()

    first = Copyist(table, key, Copy())
    try:
        statistics = _listen(original, first, reading, progress)
    except NoKeyError as error:
        raise NoKeyError(
            f"{original} is encrypted, and a copy needs the machine's key: whoever finds the key later could read what "
            f"is posted today, so a copy is encrypted with a published one; {error}"
        ) from None
    if statistics.tallies["v1"].frames and not statistics.tallies["v1"].valid_frames:
        raise CommandError(
            f"{original}: no frame can be decrypted with the key from {reading.access.origin}, so no copy is made; "
            f"lmdecode keys check {original} says which key fits"
        )
    table.uses.clear()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        with copy.open("wb") as file:
            copyist = Copyist(table, key, _WRITERS[kind](file, first.has_radio))
            copyist.values.close_net()
            statistics = _listen(original, copyist, reading, progress)
            copyist.close()
        if not copyist.copied:
            raise CommandError(f"{original}: it has no message that lmdecode can copy, so no copy was made")
        compare(original, copy, reading, table)
        search(copy, table)
        with copy.open("rb") as proved, whole_file(output, binary=True) as kept:
            shutil.copyfileobj(proved, kept)
    values = table.values()
    left_out = dict(copyist.left_out)
    if first.has_radio:
        others, what = statistics.other_devices, "other Bluetooth devices"
    else:
        others, what = statistics.packets - statistics.port_packets, "packets, requests or lines of others"
    if others > 0:
        left_out[what] = others
    return Redacted(
        kind,
        copyist.copied,
        tuple(Replaced(str(each), values[each], table.uses[each]) for each in Kind if table.uses[each]),
        left_out,
        tuple(statistics.warnings),
    )


def _check(original: Path, output: Path) -> None:
    if original == STDIN or is_live(original):
        raise UsageError("standard input or a pipe cannot be redacted, since it is read three times: save it to a file")
    if output == STDIN:
        raise UsageError("the copy needs a file name: lmdecode searches the finished copy before it writes it there")
    if output.exists() and original.exists() and output.samefile(original):
        raise UsageError(f"{output} is the file that is read: name another one for the copy")
    if output.suffix.lower() in _COMPRESSED:
        raise UsageError(f"{output}: the copy is not compressed, so it needs another name: {output.with_suffix('')}")
    refuse_to_overwrite(output, [original])


def _kind(path: Path) -> str:
    """Returns the name of the format of a file.

    Raises:
        CommandError: No copy can be made of it.
    """
    kind, file = open_capture(path)
    file.close()
    if kind.name not in _WRITERS:
        can = ", ".join(sorted(_WRITERS))
        raise CommandError(
            f"{path} is {kind.name}, of which no copy without secrets can be made: redact the file that it was made "
            f"from ({can})"
        )
    return kind.name


def _pcap(file: BinaryIO, has_radio: bool) -> Copy:  # noqa: FBT001 -- as the others
    if not has_radio:
        return PacketCopy(PcapFile(file.write, ETHERNET).write)
    packets = PcapFile(file.write, HCI_WITH_DIRECTION)
    return RadioCopy(lambda time_ns, kind, data: packets.write(time_ns, with_direction(kind, data)))


def _pcapng(file: BinaryIO, has_radio: bool) -> Copy:  # noqa: FBT001 -- as above
    from lmdecode.render.records.pcapng import PcapngWriter

    writer = PcapngWriter(file)

    def heard(time_ns: int, kind: int, data: bytes) -> None:
        writer.write(time_ns, HCI_WITH_DIRECTION, with_direction(kind, data))

    if has_radio:
        return RadioCopy(heard)
    return PacketCopy(lambda time_ns, data: writer.write(time_ns, ETHERNET, data))


_WRITERS: Final[dict[str, Callable[[BinaryIO, bool], Copy]]] = {
    pcap.FORMAT.name: _pcap,
    pcapng.FORMAT.name: _pcapng,
    debug_log.FORMAT.name: lambda file, _: LogCopy(file.write),
    archive.FORMAT.name: lambda file, _: har(file),
    saved.FORMAT.name: lambda file, _: flows(file),
    snoop.FORMAT.name: lambda file, _: btsnoop(file.write),
    logger.FORMAT.name: lambda file, _: packet_logger(file.write),
}
"""What writes a copy, by the name of the format."""


def _reading(asked: Asked) -> Reading:
    """Returns what a file is read with.

    Raises:
        MissingKeyError, ConfigError: A key that the user gave cannot be used.
    """
    try:
        keys, origin = find_keys(asked.keys, asked.config)
        missing = None
    except NoKeyError as error:
        keys, origin, missing = [], "", error
    also = () if asked.port else tuple(Opened(keys, origin, asked.config).known.ports)
    return Reading(OwnerAccess(keys, show_secrets=True, origin=origin, missing=missing), asked.port, also)


def _listen(path: Path, copyist: Copyist, reading: Reading, progress: Progress) -> CaptureStatistics:
    """Reads a file for a copyist."""
    speakers = listeners(reading.access, copyist, reading.port, reading.also)
    statistics = CaptureStatistics()
    with progress(path) as reached:
        deque(decode_capture(path, speakers, statistics=statistics, progress=reached), maxlen=0)
    return statistics
