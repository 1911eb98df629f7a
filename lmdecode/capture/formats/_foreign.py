"""Files that people have in place of a capture: what each is, and what to do with it.

Nobody reads "not a capture" and knows what to do next. So what is common is known by what it begins with, and the
message says what it is and the command that helps. What was a capture, until a shell or a terminal made text of its
bytes, is known too, since the file looks right to whoever made it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Final, NamedTuple

from lmdecode.capture.formats._pieces import TERMINAL

FIRST: Final = 512
"""Bytes that show what a binary file is: where tar has its mark is within them."""


class Foreign(NamedTuple):
    """A kind of file that is not read."""

    what: str
    """Goes after the name of the file and "is"."""
    advice: str
    """What to do; empty if nothing helps."""
    magics: tuple[bytes, ...] = ()
    """What it begins with, any of them."""
    recognises: Callable[[bytes], bool] | None = None
    """Returns True if a file that begins so is of this kind; where there is no magic number."""

    def has(self, start: bytes) -> bool:
        """Return True if a file that begins with these bytes is of this kind."""
        return start.startswith(self.magics) or (self.recognises is not None and self.recognises(start))


_CONVERT: Final = "convert it: editcap -F pcapng FILE NEW.pcapng"
_CREDENTIALS: Final = "for the credentials in it: lmdecode credentials FILE"
_MESSAGES: Final = "the messages of a machine are not in it: record them with tcpdump, see lmdecode decode --help"
_ZIP_NAME: Final = 30  # bytes of a ZIP archive before the name of the first file
_ZIPS: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


def _zip_with(*names: bytes) -> Callable[[bytes], bool]:
    """Whether a ZIP archive begins with a file whose name begins so."""
    return lambda start: start.startswith(_ZIPS) and start[_ZIP_NAME:].lower().startswith(names)


def _text(pattern: bytes) -> Callable[[bytes], bool]:
    """Whether a file begins with such a text, behind blanks and a byte order mark."""
    match = re.compile(rb"(?:\xef\xbb\xbf)?\s*+(?:" + pattern + rb")", re.IGNORECASE).match
    return lambda start: match(start) is not None


_MAIL: Final = re.compile(
    rb"(?:Return-Path|Received|Delivered-To|Message-ID|MIME-Version|From|To|Subject|Date|X-[\w-]{1,40}|DKIM-Signature|"
    rb"ARC-[\w-]{1,40}|Content-Type|Content-Transfer-Encoding): (?!<Saved by)",
    re.IGNORECASE,
)
_ATTACHED: Final = re.compile(rb"^Content-Transfer-Encoding:[ \t]{0,8}base64\b", re.IGNORECASE | re.MULTILINE)


def _is_mail(start: bytes) -> bool:
    """Whether a text is a mail with something attached, and not with a log in what can be read of it."""
    return _MAIL.match(start) is not None and _ATTACHED.search(start) is not None and b"lmdirect" not in start


def _is_pcapng_without_returns(start: bytes) -> bool:
    """Whether each carriage return before a line feed was taken out of a pcapng, whose first bytes have one."""
    return start.startswith(b"\n\r\n") and start[7:11] in (b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d")


def _is_windows_trace(start: bytes) -> bool:
    """Whether a file begins with a buffer's header and the first event of Event Tracing for Windows."""
    if len(start) < 76:
        return False
    size, saved, current = struct.unpack_from("<III", start)
    return (
        0 < saved <= size <= 1 << 24
        and current <= size
        and start[72:74] == b"\2\0"
        and start[74] in (1, 2)
        and start[75] == 0xC0
    )


BINARY: Final = (
    Foreign(
        "a session of Fiddler (.saz, a ZIP archive)",
        f"in Fiddler: File, Export Sessions, HTTPArchive v1.2; {_CREDENTIALS}",
        recognises=_zip_with(b"raw/", b"raw\\", b"_index.htm"),
    ),
    Foreign(
        "a document or program (a ZIP archive inside)",
        "give the file that was recorded",
        recognises=_zip_with(b"[content_types].xml", b"word/", b"xl/", b"mimetype", b"meta-inf/", b"androidmanifest"),
    ),
    Foreign(
        "a ZIP archive",
        "unpack it first: unzip FILE (a bug report of Android: unzip -j FILE '*btsnoop_hci.log*')",
        magics=_ZIPS,
    ),
    Foreign("a 7-Zip archive", "unpack it first: 7z x FILE", magics=(b"7z\xbc\xaf\x27\x1c",)),
    Foreign("a RAR archive", "unpack it first: unrar x FILE", magics=(b"Rar!\x1a\x07",)),
    Foreign("a tar archive", "unpack it first: tar xf FILE", recognises=lambda start: start[257:262] == b"ustar"),
    Foreign("a cabinet archive", "unpack it first: 7z x FILE", magics=(b"MSCF\0\0\0\0",)),
    Foreign("compressed with lz4", "unpack it first: lz4 -d FILE NEW", magics=(b"\x04\x22\x4d\x18",)),
    Foreign("compressed with compress", "unpack it first: gzip -dc FILE > NEW", magics=(b"\x1f\x9d",)),
    Foreign("compressed with lzip", "unpack it first: lzip -d FILE", magics=(b"LZIP\1",)),
    Foreign("a pcap of Kuznetzov's patched libpcap", _CONVERT, magics=(b"\xa1\xb2\xcd\x34", b"\x34\xcd\xb2\xa1")),
    Foreign("a Solaris snoop capture", _CONVERT, magics=(b"snoop\0\0\0",)),
    Foreign("a Microsoft Network Monitor capture", _CONVERT, magics=(b"GMBU", b"RTSS")),
    Foreign("a Sniffer capture", _CONVERT, magics=(b"TRSNIFF data", b"XCP\0")),
    Foreign("an iptrace of AIX", _CONVERT, magics=(b"iptrace 1.0", b"iptrace 2.0")),
    Foreign(
        "a trace of Windows (.etl)",
        "convert it: pktmon etl2pcap FILE --out NEW.pcapng (or etl2pcapng FILE NEW.pcapng)",
        recognises=_is_windows_trace,
    ),
    Foreign(
        "a session of Charles, or another file of a Java program",
        f"in Charles: File, Export Session, HTTP Archive; {_CREDENTIALS}",
        magics=(b"\xac\xed\0\5",),
    ),
    Foreign(
        "a database (SQLite)",
        "if it is Home Assistant's, give its log instead: home-assistant.log",
        magics=(b"SQLite format 3\0",),
    ),
    Foreign("a PDF", "give the file that was recorded, not a print of it", magics=(b"%PDF-",)),
    Foreign(
        "a picture",
        "give the file or the text itself, not a screenshot of it",
        magics=(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM\0\0"),
        recognises=lambda start: start[4:8] == b"ftyp" or (start[:4] == b"RIFF" and start[8:12] == b"WEBP"),
    ),
    Foreign("a program", "give the file that was recorded", magics=(b"\x7fELF", b"MZ\x90\0", b"\xcf\xfa\xed\xfe")),
    Foreign("a web page as Safari saves it", "save the file itself: curl -LO ADDRESS", magics=(b"bplist00",)),
    Foreign(
        "a pcapng from which carriage returns were taken away (FTP in ASCII mode, dos2unix, git's autocrlf)",
        "copy it again as it is: scp",
        recognises=_is_pcapng_without_returns,
    ),
    Foreign(f"a pcapng that was damaged: {TERMINAL}", "", magics=(b"\r\n\r\r\r\n", b"\r\r\n\r\r\r\r\n")),
)
"""Files that are not text, by their first bytes. Of two that fit, the first is meant."""

_BASE64: Final = rb"(?:1MOyoQIA|TTyyoQIA|obLD1AAC|obI8TQAC|Cg0NC[g-j]|H4sI[A-P]|KLUv/|/Td6WFo|Qlpo)[A-Za-z0-9+/\s]"
_DUMPED: Final = rb"(?:d4c3b2a1|4d3cb2a1|a1b2c3d4|a1b23c4d|0a0d0d0a|1f8b08|28b52ffd|fd377a58)"
_SPACED: Final = (
    rb"(?:d4 ?c3 ?b2 ?a1|4d ?3c ?b2 ?a1|a1 ?b2 ?c3 ?d4|a1 ?b2 ?3c ?4d|0a ?0d ?0d ?0a|1f ?8b ?08|28 ?b5 ?2f ?fd)"
)

TEXTS: Final = (
    Foreign(
        "a mail with something attached",
        "save what is attached in the mail program, or by munpack FILE, and give that",
        recognises=_is_mail,
    ),
    Foreign(
        "a pointer of Git LFS, and the file itself is elsewhere",
        "get it: git lfs pull",
        recognises=_text(rb"version https://git-lfs"),
    ),
    Foreign(
        "tshark's XML",
        "export it as JSON: tshark -r CAPTURE -T json > NEW.json",
        recognises=_text(
            rb"(?:<\?xml[^>]{0,200}>\s*)?(?:<\?xml-stylesheet[^>]{0,200}>\s*)?(?:<!--[^>]{0,400}-->\s*)?<p[ds]ml\b"
        ),
    ),
    Foreign(
        "a session of Charles as XML",
        f"in Charles: File, Export Session, HTTP Archive; {_CREDENTIALS}",
        recognises=_text(rb"(?:<\?xml[^>]{0,200}>\s*)?<!DOCTYPE charles-session"),
    ),
    Foreign(
        "a web page",
        "you saved the page, not the file: use its download button, or curl -LO ADDRESS",
        recognises=_text(
            rb"(?:<\?xml[^>]{0,200}>\s*)?(?:<!doctype\s+html|<html|<head|<body)|From: <Saved by|MIME-Version: "
        ),
    ),
    Foreign(
        "a capture that was written as base64",
        "decode it: base64 -di FILE > NEW.pcap",
        recognises=_text(_BASE64),
    ),
    Foreign(
        "a capture that was written as base64 between two lines",
        "decode it: grep -v -e ---- FILE | base64 -d > NEW.pcap (in Windows: certutil -decode FILE NEW.pcap)",
        recognises=_text(rb"-{4,}[^\n]{0,100}\n" + _BASE64),
    ),
    Foreign(
        "a file that was written by uuencode",
        "decode it: uudecode -o NEW.pcap FILE",
        recognises=_text(rb"begin(?:-base64)? [0-7]{3,4} [^\n]{1,200}\n[!-`a-z]"),
    ),
    Foreign(
        "a capture that was written as hexadecimal digits",
        "turn it back: xxd -r -p FILE > NEW.pcap",
        recognises=_text(_DUMPED),
    ),
    Foreign(
        "a capture that was written by hexdump -C",
        "turn it back: cut -c 11-59 FILE | xxd -r -p > NEW.pcap (not if it has lines of *; then dump it anew by xxd)",
        recognises=_text(rb"0{8}  " + _SPACED + rb"(?: [0-9a-f]{2}){4}  "),
    ),
    Foreign(
        "a capture that was written as a hexadecimal dump",
        "turn it back: xxd -r FILE > NEW.pcap",
        recognises=_text(rb"0{4,16}:?\s{1,4}" + _SPACED),
    ),
    Foreign(
        "what tcpdump prints, which lacks the bytes of the packets",
        "record them: tcpdump -s 0 -w NEW.pcap …",
        recognises=_text(
            rb"(?:tcpdump:[^\n]{0,300}\n|listening on [^\n]{0,300}\n|dropped privs[^\n]{0,100}\n){0,4}"
            rb"(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d{6} "
            rb"(?:[\w.-]{1,32} +(?:In|Out|B|M|P) +)?(?:IP6?|ARP|ethertype|[0-9a-f:]{17}) "
        ),
    ),
    Foreign(
        "what tshark prints, which lacks the bytes of the packets",
        "record them: tshark -w NEW.pcapng, or export the capture as JSON: tshark -r CAPTURE -T json > NEW.json",
        recognises=_text(
            rb"(?:Running as user[^\n]{0,200}\s{1,4}|Capturing on[^\n]{0,200}\s{1,4}){0,4}"
            rb"(?:Frame \d{1,10}: \d{1,10} bytes on wire|"
            rb"={10,}\s{1,2}Follow: |1\s{1,8}\d{1,10}\.\d{3,9}\s{1,8}\S{1,45}\s{1,8}(?:\xe2\x86\x92|->)\s)"
        ),
    ),
    Foreign(
        "a hexadecimal dump of packets",
        "make a capture of it: text2pcap FILE NEW.pcap",
        recognises=_text(rb"0{4,8}:?\s{1,4}(?:[0-9a-f]{2} ){8}"),
    ),
    Foreign(
        "a capture that was written as numbers of two bytes each",
        "give the capture itself, or dump it anew: xxd CAPTURE > NEW",
        recognises=_text(
            rb"0{7,8}\s{1,4}(?:c3d4 a1b2|3c4d a1b2|b2a1 d4c3|b2a1 4d3c|0d0a 0a0d|"
            rb"141724 120662|036115 120662|006412 005015)"
        ),
    ),
    Foreign(
        "a table of packets that Wireshark or tshark wrote, which lacks their bytes",
        "give the capture, or export it as JSON: tshark -r CAPTURE -T json > NEW.json",
        recognises=_text(rb'"?No\.?"?[,\t ]+"?Time"?[,\t ]+"?Source"?'),
    ),
    Foreign(
        "a capture that was written as an array of C",
        "save the capture itself in Wireshark: File, Save As",
        recognises=_text(rb"(?:/\*[^*]{0,300}\*/\s*){0,4}(?:static |const |unsigned ){1,3}char \w{1,40}\["),
    ),
)
"""Files that are text, by what that begins with."""

POWERSHELL: Final = (
    "was a binary file, but PowerShell made text of its bytes ({how}), and they cannot be had back; record or copy it "
    'again without PowerShell\'s >: cmd /c "ssh … > NEW.pcap", scp, tcpdump -w FILE, or PowerShell 7.4'
)
"""What PowerShell's `>` does to the output of a program. Goes after the name of the file."""
AS_TEXT: Final = (
    "was a binary file, but a program took its bytes for text and wrote them as UTF-8; "
    "record or copy it again as it is: scp, or tcpdump -w FILE"
)
"""The same of another program."""

_CONTROL: Final = re.compile("[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")
_FEW_CONTROLS: Final = 50  # one in so many characters; text has none


def mangled(start: bytes) -> str | None:
    """Return what turned a binary file into text, to stand after its name. Returns None if nothing did."""
    is_wide = start.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = start[: len(start) & ~1].decode("utf-16", "replace") if is_wide else _utf8(start)
    except UnicodeDecodeError:
        return None
    if len(_CONTROL.findall(text)) * _FEW_CONTROLS < len(text):
        return None
    if is_wide:
        return POWERSHELL.format(how="UTF-16, as Windows PowerShell 5 writes")
    if "\ufffd" in text:
        return POWERSHELL.format(how="bytes that are no UTF-8 were replaced, as PowerShell 7 does")
    if not text.isascii():
        return AS_TEXT
    return None


def _utf8(start: bytes) -> str:
    """The text, of which the last character may be cut in two.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
    """
    try:
        return start.decode()
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            raise
        return start[: error.start].decode()
