"""Recorded traffic with the cloud, as people have it: what a file is, what is packed in it, and what others are.

What a file begins with says what it is; its name counts only where nothing else tells. What cannot be read is named,
with the way to a file that can be.
"""

from __future__ import annotations

import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, TypeAlias, cast

from lmdecode.app.errors import CommandError
from lmdecode.capture.http.har import HarError, encoding_of, read_har
from lmdecode.codec.errors import LmdecodeError

if TYPE_CHECKING:
    from lmdecode.capture.http.exchange import Exchange

SavedFlowsReader: TypeAlias = Callable[[BinaryIO], "Iterator[Exchange]"]
"""Reads flows that mitmproxy saved; raises an LmdecodeError after the last that can be read."""
Tell: TypeAlias = Callable[[str], None]

_START: Final = 4096  # bytes by which a file is recognised
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"
_FREE: Final = 256 << 20  # bytes that any compressed file may have
_RATIO: Final = 100  # and further bytes for each of the file; archives of requests have 5 to 30
_MOST_LAYERS: Final = 3  # of compression; a program that stores what was sent to it packed may pack it again
_BROTLI_PIECE: Final = 16  # bytes; so a piece cannot unpack to hundreds of megabytes
_ZIP: Final = b"PK\x03\x04"
_ZIP_END: Final = 22 + 0xFFFF  # bytes: where a zip says how large its directory is, with the longest comment
_LARGEST_DIRECTORY: Final = 8 << 20  # bytes; 130,000 files, which take 100 MB to list

_FLOWS = re.compile(rb"[0-9]{1,12}:").match
_FLOWS_SOMEWHERE = re.compile(rb"[0-9]{2,9}:[0-9]{1,2}:[a-z_]{2,30}[;,][0-9]{1,9}:").search
_LISTED = re.compile(rb'"(?:entries|log)"\s{0,20}:\s{0,20}[\[{]').search

_HAR: Final = "export it as HAR"
_AGAIN: Final = "export it again"
_SAVE: Final = "lmdecode harvest, or mitmdump -w login.flow, while you log in"
_HIDDEN: Final = f"in which TLS hides the login: record it with {_SAVE}"
_BY_RADIO: Final = "The token of Bluetooth, if it is in it: lmdecode decode --show-secrets FILE"
_CHARLES: Final = "in Charles choose File → Export Session → HTTP Archive (.har)"
_UNPACK: Final = "unpack it, and name the HAR in it"
_NAMED: Final[tuple[tuple[re.Pattern[bytes], str], ...]] = tuple(
    (re.compile(pattern, re.DOTALL), text)
    for pattern, text in (
        (
            rb"\xd4\xc3\xb2\xa1|\xa1\xb2\xc3\xd4|\x4d\x3c\xb2\xa1|\xa1\xb2\x3c\x4d",
            f"is a capture of packets, {_HIDDEN}",
        ),
        (rb"\n\r\r\n", f"is a capture of packets, {_HIDDEN}"),
        (rb"btsnoop\x00", f"is a log of Bluetooth, not of a login. {_BY_RADIO}"),
        (rb'[\[{\s]{1,20}"(?:_index|_source|timestamp|layers)"', f"is tshark's JSON, {_HIDDEN}"),
        (rb"(?i:curl(?:\.exe)?\s)", f"is a command (Copy as cURL), which has no answer: {_HAR}, with content"),
        (rb"HTTP-Trace-Version", f"is a trace of Charles: {_CHARLES}"),
        (rb"\xac\xed\x00\x05|<charles-session|<\?xml.{0,200}<charles-session", f"is a session of Charles: {_CHARLES}"),
        (rb"<\?xml.{0,2000}burpVersion", f"is an export of Burp: {_HAR} instead, or record with {_SAVE}"),
        (rb"<\?xml.{0,200}<pdml", f"is Wireshark's PDML, {_HIDDEN}"),
        (rb"(?i:<!doctype html|<html)", f"is a web page: save the login, not the page; {_HAR}"),
        (rb"bplist00", f"is a property list or web archive: in Safari's Web Inspector, {_HAR}"),
        (
            rb"(?:#[^\n]*\n){0,5}(?:CLIENT|SERVER)_[A-Z_]{1,30} ",
            f"has keys of TLS, not the login: record it with {_SAVE}",
        ),
        (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|.{257}ustar", f"is an archive of files: {_UNPACK}"),
        (rb"PK\x05\x06", "is an empty zip: export it again"),
        (rb"PK\x03\x04", f"is a zip in another archive: {_UNPACK}"),
        (rb"(?:POST|GET|HTTP/[12][.0-9]{0,2}) [^\n]{0,300}\n", f"is one HTTP message as text: {_HAR}"),
        (rb"SQLite format 3\x00", f"is a database: {_HAR} with the program that made it"),
        (rb".*\b(?:pylamarzocco|lmcloud|lmdirect)\b", f"is a debug log, not of a login. {_BY_RADIO}"),
    )
)
_BY_NAME: Final = {
    ".chls": f"is a session of Charles: {_CHARLES}",
    ".chlz": f"is a session of Charles: {_CHARLES}",
    ".trace": f"is a trace: {_HAR} with the program that made it",
    ".proxymanlog": f"is a log of Proxyman: there, {_HAR}",
    ".proxymanlogv2": f"is a log of Proxyman: there, {_HAR}",
    ".htk": f"is a session of HTTP Toolkit: there, {_HAR}",
}
_DAMAGE: Final = (  # what unpacking raises of damaged, encrypted or unknown data
    OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError, zipfile.BadZipFile,
)  # fmt: skip


def recorded(path: Path, read_saved: SavedFlowsReader, tell: Tell) -> Iterator[Exchange]:
    """Yields the exchanges of a file.

    Args:
        path: Flows that mitmproxy saved, an HTTP archive, a session of Charles as JSON or of Fiddler; each also
            compressed, or in a zip.
        read_saved: Reads the first.
        tell: Is given what there is to say about a file that was read.

    Raises:
        LmdecodeError: It cannot be read, or not to its end; after the last exchange that can be.
        OSError: It cannot be opened.
    """
    if path.suffix.lower() in _BY_NAME and path.is_dir():
        raise CommandError(_BY_NAME[path.suffix.lower()])
    with BufferedReader(path.open("rb", buffering=0), 1 << 18) as file:
        size = os.fstat(file.fileno()).st_size
        yield from _Reading(read_saved, tell, _FREE + _RATIO * size).of(file, path.name)


class _Reading:
    """The reading of one file, with a limit for all that is packed in it."""

    def __init__(self, read_saved: SavedFlowsReader, tell: Tell, limit: int) -> None:
        self._read_saved = read_saved
        self._tell = tell
        self._limit = limit
        self._complaints: list[str] = []

    def of(self, file: BufferedReader[Any], name: str) -> Iterator[Exchange]:
        """Yields the exchanges of a file, and of all that is packed in it."""
        if file.peek(_START).startswith(_ZIP):
            yield from self._of_zip(file)
        else:
            yield from self._plain(*self._without_compression(file, name))
        if self._complaints:
            raise HarError("; ".join(dict.fromkeys(self._complaints)))

    def _without_compression(self, file: BufferedReader[Any], name: str) -> tuple[BufferedReader[Any], str]:
        """Returns the content of a file that was compressed, maybe more than once, and its name without the ending."""
        from lmdecode.capture.compression import decompressed
        from lmdecode.capture.source import MEMORY

        for _ in range(_MOST_LAYERS):
            start = file.peek(_START)[:_START]
            if Path(name).suffix.lower() == ".br" and not _readable(start):
                file, name = self._unpacked(_Brotli(file)), name[: -len(".br")]
            elif (inflating := decompressed(file, start, MEMORY // 2)) is not None:
                file, name = self._unpacked(inflating), name.rpartition(".")[0]
            else:
                break
        return file, name

    def _plain(self, file: BufferedReader[Any], name: str) -> Iterator[Exchange]:
        """Yields the exchanges of what is not packed, or not any more."""
        start = file.peek(_START)[:_START]
        reader = self._reader(start)
        if reader is None and not start and self._complaints:
            return  # damage, which was told, is why nothing is left of it
        if reader is None and not start and isinstance(file.raw, _Unpacked):
            self._complaints.append(f"what is packed in it is empty, or cut short: {_AGAIN}")
            return
        if reader is None:
            suffix = Path(name).suffix.lower()
            self._complaints.append(_BY_NAME[suffix] if suffix in _BY_NAME else what_is_it(start))
            return
        try:
            yield from reader(file)
        except LmdecodeError as error:
            self._complaints.append(str(error))

    def _reader(self, start: bytes) -> Callable[[BinaryIO], Iterator[Exchange]] | None:
        """Return the reader of a file that begins with these bytes. Returns None if there is none."""
        plain = start.lstrip(_BLANK)
        if _FLOWS(plain) or (_FLOWS_SOMEWHERE(start) and not plain.startswith((b"{", b"["))):
            return self._read_saved
        if any(pattern.match(plain) for pattern, _ in _NAMED):
            return None
        return (lambda file: read_har(file, self._tell)) if _readable(start) else None

    def _of_zip(self, file: BufferedReader[Any]) -> Iterator[Exchange]:
        """Yields the exchanges of a zip: of Fiddler's sessions, or of all files in it that can be read."""
        from lmdecode.capture.http.saz import is_saz, read_saz

        try:
            if _has_a_large_directory(file):
                self._complaints.append(f"is a zip of more files than a recording has: {_UNPACK}")
                return
            with zipfile.ZipFile(file) as archive:
                names = archive.namelist()
                if is_saz(names):
                    yield from read_saz(names, lambda name: self._unpacked(cast("_Readable", archive.open(name))))
                    return
                known = 0
                for member in archive.infolist():
                    if member.is_dir() or member.filename.startswith("__MACOSX/"):
                        continue
                    with archive.open(member) as packed, self._unpacked(cast("_Readable", packed)) as unpacked:
                        plain, name = self._without_compression(unpacked, member.filename)
                        if self._reader(plain.peek(_START)[:_START]) is not None:
                            known += 1
                            yield from self._plain(plain, name)
            if not known:
                self._complaints.append(f"is a zip without HAR or flows of mitmproxy: {_UNPACK}")
        except _DAMAGE as error:
            locked = "password" in str(error) or "encrypt" in str(error)
            why = "with a password: save it without one, or unpack it" if locked else f"that is damaged: {_AGAIN}"
            self._complaints.append(f"is a zip {why}")

    def _unpacked(self, packed: _Readable) -> BufferedReader[Any]:
        return BufferedReader(_Unpacked(packed, self._allow, self._complaints.append), 1 << 18)

    def _allow(self, count: int) -> bool:
        """Whether so many more bytes may be unpacked."""
        self._limit -= count
        return self._limit >= 0


def _has_a_large_directory(file: BinaryIO) -> bool:
    """Whether a zip has a directory that would take hundreds of megabytes to read."""
    file.seek(0, os.SEEK_END)
    file.seek(max(file.tell() - _ZIP_END, 0))
    end = file.read()
    file.seek(0)
    at = end.rfind(b"PK\x05\x06")
    size = int.from_bytes(end[at + 12 : at + 16], "little") if at >= 0 else 0
    return size > _LARGEST_DIRECTORY or b"PK\x06\x07" in end


def _readable(start: bytes) -> bool:
    """Whether a file begins like JSON that can have requests, in any encoding, whatever precedes it."""
    encoding = encoding_of(start)
    if encoding not in {"utf-8", "utf-8-sig"}:
        start = start[: len(start) // 4 * 4].decode(encoding, "replace").encode("utf-8", "replace")
    plain = start.lstrip(_BLANK)
    return plain.startswith((b"{", b"[")) or _LISTED(plain) is not None


def what_is_it(start: bytes) -> str:
    """Returns what a file is that cannot be read, and what to do; one line that goes on after its name.

    Args:
        start: The first bytes of the file.

    >>> what_is_it(b"curl 'https://cms.lamarzocco.io/'")
    'is a command (Copy as cURL), which has no answer: export it as HAR, with content'
    """
    if not start.strip():
        return "is empty: save or export it again"
    if encoding_of(start) not in {"utf-8", "utf-8-sig"}:
        return f"is binary that was turned into text, as PowerShell's > does: write the file with {_SAVE}"
    plain = start.lstrip(_BLANK)
    for pattern, text in _NAMED:
        if pattern.match(start) or pattern.match(plain):
            return text
    return "is neither flows that mitmproxy saved nor an HTTP archive (HAR): save or export it again"


class _Readable(Protocol):
    def read1(self, size: int, /) -> bytes:
        """So many bytes at most, as soon as there are any; none at the end."""


class _Unpacked(RawIOBase):
    """What was packed, up to damage or a limit: there it ends, and it is told, and what precedes it is used.

    Args:
        packed: Gives the content.
        allow: Is asked before so many bytes are handed on.
        complain: Is told why it ended early.
    """

    def __init__(self, packed: _Readable, allow: Callable[[int], bool], complain: Callable[[str], object]) -> None:
        self._packed = packed
        self._allow = allow
        self._complain = complain
        self._ended = False
        self.name = ""  # whoever unpacks what was packed in it asks for one

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 -- any writable buffer
        """Some bytes of the content; none at its end, at damage, and at the limit."""
        if self._ended:
            return 0
        try:
            # Not `read`, which would lose up to 64 KB of what precedes damage.
            piece = self._packed.read1(min(len(buffer), 1 << 16))
        except _DAMAGE as error:
            piece = b""
            self._complain(f"{getattr(error, 'strerror', None) or 'what is packed in it is damaged'}: {_AGAIN}")
        if not self._allow(len(piece)):
            piece = b""
            self._complain("it unpacks to far more than recorded traffic does: what is beyond is left out")
        self._ended = not piece
        buffer[: len(piece)] = piece
        return len(piece)


class _Brotli:
    """The content of a file that is compressed with brotli, which has no mark of its own to be known by."""

    def __init__(self, file: BinaryIO) -> None:
        try:
            import brotli
        except ImportError:
            from lmdecode.extras import install_packages

            raise CommandError(f"is compressed with brotli, which needs: {install_packages('brotli')}") from None
        self._file = file
        self._machine = brotli.Decompressor()
        self._error: type[Exception] = brotli.error
        self._waiting = b""

    def read1(self, size: int, /) -> bytes:
        """Some bytes of the content; none at its end.

        Raises:
            ValueError: It is damaged, cut short, or not brotli.
        """
        while not self._waiting and not self._machine.is_finished():
            piece = self._file.read(_BROTLI_PIECE)
            if not piece:
                raise ValueError("cut short")
            try:
                self._waiting = self._machine.process(piece)
            except self._error:
                raise ValueError("not brotli") from None
        taken, self._waiting = self._waiting[:size], self._waiting[size:]
        return taken
