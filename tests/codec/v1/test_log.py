"""The log of lmdirect as people have it: whatever was done to the lines, the messages are the same."""

from __future__ import annotations

import html
import io
import json
import quopri
import re
import textwrap
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.capture import CaptureError, CaptureStatistics
from lmdecode.capture.formats.debug_log import read_log
from lmdecode.capture.source import LONGEST_OF_LOG
from lmdecode.codec.dialect import Place, Tally
from lmdecode.codec.v1 import speakers_with
from lmdecode.codec.v1.log import LogConversation
from tests.capture.building import as_bom_utf16, message, new_decoder
from tests.capture.formats.test_debug_log import read

HEX = st.binary(min_size=1, max_size=34).map(lambda data: data.hex().upper())
ADDRESSES = st.sampled_from([0x0000, 0x0310, 0x401C, 0x4000, 0x4022, 0x6000])
SOUND = "Message=401C0004, Data=03BC04D8"
LAST = f"\n\n\n\n\n2023-11-14 22:13:20.000 DEBUG {SOUND}".encode()
SCRAPS = [
    *(
        b"Message=",
        b"401C0004",
        b", Data=",
        b"03BC",
        b"04D8",
        b"Sending ",
        b" with ",
        b"None",
        b"\n",
        b"\r",
        b"\n\n",
        b"|",
    ),
    *(b"Command Failed: ", b"Unexpected response: R", b"2023-11-14 22:13:20", b"lmdirect", b"\\", b"&", b"<", b"\x1b["),
    *(b"&#99999999;", b"&#x110000;", b"\\ud800", b"\\x1b[0m", b"\xe2\x80\xa8", b"[0m", b'{"time":"', b'"MESSAGE":['),
]
LOGGERS = ["DEBUG (MainThread) [lmdirect.connection] ", "DEBUG lmdirect.connection: ", "DEBUG "]
OTHERS = ["Starting read task", "Finished Connecting", "Received all responses", "Exiting loop: ['401C0004']"]


@st.composite
def saids(draw):
    """What lmdirect logs of a message."""
    address, data = draw(ADDRESSES), draw(HEX)
    preamble = f"{address:04X}{len(data) // 2:04X}"
    return draw(
        st.sampled_from(
            [
                f"Sending {preamble} with None None",
                f"Sending {preamble} with {data} None",
                f"Sending {preamble} with {data} 1D",
                f"Message={preamble}, Data={data}",
                f"Message={preamble}, Data=OK",
                f"Command Succeeded: {preamble}: OK",
                f"Command Failed: {preamble}: NO",
                f"Unexpected response: {message('R' + preamble + data)}",
            ]
        )
        | st.sampled_from(OTHERS)
    )


@st.composite
def logs(draw, loggers=tuple(LOGGERS)):
    """The lines of a log, the seconds of which count up."""
    logger = draw(st.sampled_from(loggers))
    lines = [*draw(st.lists(saids(), min_size=1, max_size=7)), SOUND]
    return [
        f"2023-11-14 22:{number:02}:20.{137 * number % 1000:03} {logger}{line}" for number, line in enumerate(lines)
    ]


def joined(lines, end="\n"):
    return "".join(f"{line}{end}" for line in lines).encode()


def read_pieces(pieces, end=""):
    """What comes of a file that gives so much at a time."""

    class File(io.RawIOBase):
        name = "x.log"

        def __init__(self):
            self._pieces = [*pieces, f"\n\n\n\n\n2023-11-14 22:13:20.000 {end}\n".encode()] if end else list(pieces)

        def readable(self):
            return True

        def readinto(self, buffer):
            piece = self._pieces.pop(0) if self._pieces else b""
            buffer[: len(piece)] = piece
            return len(piece)

    speakers = speakers_with(new_decoder(show_secrets=False))
    return list(read_log(io.BufferedReader(File()), CaptureStatistics(), None, speakers))


def every(form):
    """Does something to every line."""
    return lambda lines: joined(map(form, lines))


def table(line, bar=" | "):
    day, clock, *rest = line.split(" ", 3)
    return bar.join([day, clock, *rest]).replace(", ", ",   ")


def row(line):
    return f"<tr><td>{line[:23]}</td><td class='x'>{html.escape(line[24:])}</td></tr>"


def coloured(start, end="[0m"):
    return every(lambda line: f"{start}[32m{line}{start}{end}")


def docker(line):
    return json.dumps({"log": f"{line}\n", "stream": "stderr", "time": "2024-01-01T00:00:00.000000001Z"})


def journald(line):
    return json.dumps({"PRIORITY": "6", "MESSAGE": [*f"\x1b[32m{line}\x1b[0m".encode()], "_PID": "1"})


WRAPPINGS = {
    "pipes": every(table),
    "table": every(lambda line: f"| {table(line)} |"),
    "drawn table": every(lambda line: f"│ {table(line, ' │ ')} │"),
    "tabs": every(lambda line: table(line, "\t")),
    "semicolons": every(lambda line: table(line, ";")),
    "commas": every(lambda line: table(line, ",")),
    "quoted cells": every(lambda line: '"' + table(line, '","') + '"'),
    "one quoted cell": every(lambda line: f'1,"{line}",x'),
    "doubled quotes": every(lambda line: '"{""log"":""' + line + '""}"'),
    "split at every comma": every(lambda line: line.replace(", ", '";"')),
    "no-break blanks": every(lambda line: line.replace(" ", "\u00a0")),
    "narrow no-break blanks": every(lambda line: line.replace(" ", "\u202f")),
    "no-break blanks in latin-1": lambda lines: joined(lines).replace(b" ", b"\xa0"),
    "no-break blanks encoded twice": every(lambda line: line.replace(" ", "\u00c2\u00a0")),
    "doubled blanks": every(lambda line: line.replace(" ", "  ")),
    "zero-width blanks": every("\u200b".join),
    "soft hyphens": every(lambda line: line.replace("0", "0\u00ad")),
    "smart quotes": every(lambda line: f"\u201c{line}\u201d"),
    "smart quotes of Windows": lambda lines: b"".join(b"\x93%b\x94\r\n" % line.encode() for line in lines),
    "entities": every(lambda line: line.replace(" ", "&nbsp;").replace("=", "&#61;")),
    "entities in hexadecimal": every(
        lambda line: line.replace(" ", "&#xA0;").replace("=", "&#x3d;").replace(",", "&comma;")
    ),
    "entities encoded twice": every(lambda line: line.replace(" ", "&amp;nbsp;")),
    "a page's table": every(row),
    "a page's lines": lambda lines: "<br>".join(lines).encode(),
    "a page's colours": every(lambda line: re.sub(r"(\w+)", r'<span class="nv">\1</span>', line)),
    "quotation": every(lambda line: f"> {line}"),
    "quotation of a quotation": every(lambda line: f">> > {line}"),
    "back-ticks": every(lambda line: f"`{line}`"),
    "bold": every(lambda line: f"**{line}**"),
    "Markdown's escapes": every(lambda line: re.sub(r"([_=\[\]().,-])", r"\\\1", line)),
    "list": every(lambda line: f"  * - {line}"),
    "docker's JSON": every(docker),
    "JSON with escapes": every(lambda line: json.dumps({"log": line}).replace("=", "\\u003d").replace(" ", "\\u00a0")),
    "one JSON string": lambda lines: json.dumps("\n".join(lines)).encode(),
    "JSON in JSON": lambda lines: json.dumps(json.dumps({"m": "\r\n".join(lines)})).encode(),
    "journald's JSON": every(journald),
    "journalctl": every(lambda line: f"Nov 14 22:13:21 pi homeassistant[613]: {line}"),
    "docker compose": every(lambda line: f"homeassistant  | {line}"),
    "colours": coloured("\x1b"),
    "colours of the rest of a line": coloured("\x1b", "[0m\x1b[K"),
    "colours without escape": coloured(""),
    "colours in two": coloured("", "[0m[39;49m"),
    "colours as symbols": coloured("\u241b"),
    "colours of cat -v": coloured("^["),
    "colours of repr": coloured("\\x1b"),
    "colours of shells": coloured("\\033"),
    "colours of echo": coloured("\\e"),
    "colours of JSON": coloured("\\u001b"),
    "colours of rsyslog": coloured("#033"),
    "colours of less": coloured("ESC"),
    "colours of Windows": coloured("\u2190"),
    "carriage returns": lambda lines: joined(lines, "\r"),
    "Windows": lambda lines: joined(lines, "\r\n"),
    "two carriage returns": lambda lines: joined(lines, "\r\r\n"),
    "form feeds": lambda lines: joined(lines, "\f"),
    "vertical tabs": lambda lines: joined(lines, "\v\n"),
    "line separators": lambda lines: joined(lines, "\u2028"),
    "next lines": lambda lines: joined(lines, "\u0085"),
    "one line": lambda lines: " ".join(lines).encode(),
    "empty lines": lambda lines: joined(lines, "\n\n"),
    "lower case": every(lambda line: re.sub(r"\b[RWZ]?[0-9A-F]{2,}\b", lambda hexes: hexes[0].lower(), line)),
    "cat -A": lambda lines: joined(lines, "$\n"),
    "a mail": lambda lines: b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + quopri.encodestring(joined(lines)),
    "a mail with parts": lambda lines: (
        b"content-transfer-encoding: Quoted-Printable\n\n=C3=A4 and all that\n--x\nContent-Transfer-Encoding: 7bit\n\n"
        + joined(lines)
    ),
    "UTF-16": lambda lines: as_bom_utf16(joined(lines, "\r\n")),
}


@pytest.mark.parametrize("name", WRAPPINGS)
@settings(max_examples=25, deadline=None)
@given(logs())
def test_a_wrapping_changes_nothing(name, lines):
    expected, _, _ = read(joined(lines))
    records, statistics, _ = read(WRAPPINGS[name](lines))
    assert records == expected
    assert statistics.warnings == []


def terminal(width):
    return lambda lines: [line[at : at + width] for line in lines for at in range(0, len(line), width)]


def softly(width, indent="", *, breaks=True):
    def wrap(lines):
        wrapper = textwrap.TextWrapper(
            width, subsequent_indent=indent, break_long_words=breaks, break_on_hyphens=False, drop_whitespace=True
        )
        return [part for line in lines for part in wrapper.wrap(line)]

    return wrap


def grid(width):
    """A table whose last cell is wrapped."""

    def wrap(lines):
        rows = []
        for line in lines:
            day, clock, rest = line.split(" ", 2)
            for number, part in enumerate(rest[at : at + width] for at in range(0, len(rest), width)):
                rows.append(f"| {day if not number else '':10} | {clock if not number else '':12} | {part:{width}} |")
        return rows

    return wrap


def columns(width):
    """A table whose cells are wrapped each on its own."""

    def wrap(lines):
        rows = []
        for line in lines:
            stamp, rest = line[:23], line[24:]
            left = [stamp[:10], stamp[11:]]
            right = [rest[at : at + width] for at in range(0, len(rest), width)]
            for number in range(max(len(left), len(right))):
                cells = [(column[number : number + 1] or [""])[0] for column in (left, right)]
                rows.append(f"| {cells[0]:12} | {cells[1]:{width}} |")
        return rows

    return wrap


WIDTHS = st.integers(36, 140)


@pytest.mark.parametrize(
    "wrap",
    [
        terminal,
        softly,
        lambda width: softly(width, "    "),
        lambda width: softly(width, "> "),
        lambda width: lambda lines: [f"> {part}" for part in terminal(width)(lines)],
        lambda width: lambda lines: [part.rstrip() for part in terminal(width)(lines)],
        lambda width: lambda lines: [f"  {part}" for part in terminal(width)(lines)],
        grid,
        columns,
    ],
)
@settings(max_examples=60, deadline=None)
@given(logs(LOGGERS[:1]), WIDTHS)
def test_wrapped_lines_are_put_together(wrap, lines, width):
    expected, _, _ = read(joined(lines))
    records, statistics, _ = read(joined(wrap(width)(lines)))
    assert records == expected
    assert statistics.warnings == []


@pytest.mark.parametrize("size", [1, 9, 20, 23, 24, 31, 38, 45])
def test_cells_of_nothing_but_digits_leave_a_row_a_row(size):
    """The time of a message is in two cells of the first column, however many rows its data take in the second."""
    prefix = "2023-11-14 22:00:20.000 DEBUG (MainThread) [lmdirect.connection]"
    lines = [f"{prefix} Sending 000000{size:02X} with {'00' * size} None", f"2023-11-14 22:01:20.137 {SOUND}"]
    assert read(joined(columns(36)(lines)))[0] == read(joined(lines))[0]


def test_a_message_that_does_not_go_on_is_left_alone():
    said = [
        "Message=401C0004, Data=03BC",
        "04D8 was logged by another",
        "1234",
        "Sending 40000020 with None",
        "11 lines",
    ]
    records, statistics, tally = read(joined(said))
    assert [(each.data, each.problems) for each in records] == [
        ("03bc", ("the length says 4 bytes, the message holds 2 bytes",)),
        (None, ()),
    ]
    assert records[1].plaintext == message("R40000020")
    assert statistics.warnings == []
    assert tally.problems == 1


@pytest.mark.parametrize(
    ("line", "lacking"),
    [
        ("[lmdirect.connection] Message=4000", "Message= without 8 hexadecimal digits"),
        ("Message=4000, Data=0178", "Message= without 8 hexadecimal digits"),
        ("[lmdirect.connection] Message=40000020, 0178", "Message= without Data="),
        ("[lmdirect] Sending GET_STATUS", "Sending without 8 hexadecimal digits"),
        ("[lmdirect] Sending 40000020", "Sending without its data"),
        ("Command Failed: 0007: EE", "Command without 8 hexadecimal digits"),
        ("Unexpected response: R401C00", "Unexpected response without kind and 8 hexadecimal digits"),
        ("[lmdirect.connection] Mess4ge=401C0004, Data=03BC04D8", "Data= without what comes before it"),
    ],
)
def test_a_mention_that_cannot_be_read_is_counted_and_said(line, lacking):
    _, statistics, _ = read(f"{SOUND}\n\n{line}\n{SOUND}\n".encode())
    said = f"1 line of the log mentions a message that cannot be read: line 3 has {lacking}; look for Message= and "
    assert statistics.warnings == [f"{said}Sending in the log"]


def test_many_mentions_are_counted_and_the_first_are_said():
    lines = [SOUND, *["Message=4000, Data=1, Message=4000, Data=2"] * 1500]
    _, statistics, _ = read(joined(lines))
    assert statistics.warnings[0].startswith(
        "1,500 lines of the log mention 3,000 messages that cannot be read: line 2 "
    )
    assert statistics.warnings[0].count("line 3 has") == 1
    assert ", and so on; look for" in statistics.warnings[0]


def test_mentions_alone_are_no_messages():
    with pytest.raises(CaptureError, match="without a message"):
        read(b"DEBUG (MainThread) [lmdirect.connection] Message=4000\n")


@pytest.mark.parametrize(
    "line",
    ["Message=hello", "Unexpected response: 500", "Command Failed: not found", "Sending mail with None", "Message"],
)
def test_other_programs_may_say_such_words(line):
    assert read(joined([line, SOUND, line]))[1].warnings == []


@given(st.sampled_from(list(range(20, 140))), st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_secret_is_shown_of_a_message_in_pieces(width, is_cut):
    secret = "5345435245542121"
    lines = [f"2023-11-14 22:00:20.000 DEBUG [lmdirect] Message=01110008, Data={secret}", SOUND, SOUND]
    wrapped = terminal(width)(lines)
    if is_cut:
        del wrapped[1]
    records, statistics, _ = read(joined([SOUND, *wrapped, SOUND]))
    shown = f"{records} {statistics.warnings} {statistics.notes}".upper()
    assert not any(secret[at : at + 4] in shown for at in range(0, 12, 2))


@given(logs(), st.sampled_from(["plain", "carriage returns", "two carriage returns", "Windows", "UTF-16"]), st.data())
@settings(max_examples=60, deadline=None)
def test_no_split_changes_anything(lines, name, data):
    text = {"plain": joined, **WRAPPINGS}[name](lines)
    cuts = sorted(data.draw(st.lists(st.integers(4, len(text)), max_size=30)))
    pieces = [text[start:end] for start, end in pairwise([0, *cuts, len(text)]) if end > start]
    assert read_pieces(pieces) == read(text)[0]


@given(st.lists(st.sampled_from(SCRAPS) | st.binary(max_size=12), max_size=40).map(b"".join), st.booleans())
@settings(max_examples=300, deadline=None)
def test_no_bytes_are_too_much(data, is_pieces):
    records = (
        read_pieces([data[at : at + 7] for at in range(0, len(data), 7)], SOUND)
        if is_pieces
        else read(b"log\n" + data + LAST)[0]
    )
    assert records[-1].data == "03bc04d8"
    assert all(isinstance(each.as_dict(), dict) for each in records)


def test_a_line_longer_than_any_is_read_in_pieces():
    other = "2023-11-14 22:00:20.000 DEBUG (MainThread) [lmdirect.connection] Finished Connecting " * 60_000
    line = f"{SOUND} {other} 2023-11-14 22:13:20.000 {SOUND} "
    assert len(line) > LONGEST_OF_LOG
    records, statistics, _ = read(f"{line}\nMessage=4000, Data=\n{line}\n".encode())
    assert [each.data for each in records] == ["03bc04d8"] * 4
    assert "line 2 has" in statistics.warnings[0]


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "Message=",
            "lmdirect Sending ",
            "Message=401C0004, Data=",
            f"{SOUND} ",
            "Sending 40000020 with 0 ",
            "\\",
            "&#",
        ),
        *("2023-11-14 22:13:20.000 ", '{"time":"', f'{{"{SOUND}', '"MESSAGE":[1,1,1,1,1,1,1,1,1', "<a ", "\x1b]", "[0"),
        *(
            "Data=03BC\n",
            "Message=40000020, Data=0\n0\n0\n",
            "lmdirect M\n",
            "| 2023-11-14 | Message=40000020, Data=01 |\n",
        ),
    ],
)
def test_twice_as_long_a_line_takes_about_twice_as_long(unit):
    def seconds(size):
        begin = time.process_time()
        read(f"{SOUND}\nMessage={unit * (size // len(unit))}\n\n\n{SOUND}\n".encode())
        return time.process_time() - begin

    def growth():
        once, twice = seconds(40_000), seconds(80_000)
        return twice / max(once, 0.01)

    assert any(growth() < 2.8 for _ in range(6))


def test_an_answer_finds_its_request_among_thousands():
    log = LogConversation(Place(0), Tally(), show_secrets=False)
    for number in range(3000):
        log.receive(b"Sending %08X with None None" % (number << 16 | 1), number)
    for _ in range(200):
        log.receive(b"Sending F0000001 with None None", 0)
    asked = []
    for _ in range(66):
        log.receive(b"Message=F0000001, Data=00", 0)
        asked += [each.request for each in log.close()]
    assert [each is not None for each in asked] == [True] * 64 + [False] * 2
    log.receive(b"Message=%08X, Data=00" % (2999 << 16 | 1), 0)
    assert log.close()[0].role == "response"
    log.receive(b"Message=00000001, Data=00", 0)  # more than a thousand came after it
    assert log.close()[0].role == "report"


def test_upper_case_is_taken_where_both_have_the_right_check_byte():
    """Eight letters make a difference of 256, which a check byte does not show."""
    upper = "Unexpected response: R0000000C00000000020A1F2A9EB1C0D600"
    lower = upper[:22] + upper[22:].lower()
    expected = read(f"{upper}\n".encode())[0]
    assert read(f"{lower}\n".encode())[0] == expected
    assert expected[0].plaintext == upper[21:]


def test_after_a_thousand_lines_that_cannot_be_read_the_next_good_ones_are():
    """Nothing is read together with another line by then; once one can be read it is again."""
    wrapped = "2023-11-14 22:13:25.000 Message=401C0004, Data=03BC\n04D8\n"
    text = f"{SOUND}\n" + "Message=x, Data=\n" * 3000 + f"2023-11-14 22:13:20.000 {SOUND}\nother\n" + wrapped
    records, statistics, _ = read(text.encode())
    assert [each.data for each in records] == ["03bc04d8"] * 3
    assert statistics.warnings[0].startswith("3,000 lines of the log mention a message")
