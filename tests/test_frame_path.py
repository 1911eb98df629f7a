"""The files that an ordinary frame passes are those of the picture in docs/architecture.md."""

from __future__ import annotations

import io
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

import lmdecode
from lmdecode.app.asked import Asked
from lmdecode.app.decode import Outcome
from lmdecode.app.output import decode_onto
from lmdecode.render.records import Style, format_named
from tests.capture.building import KEY_TEXT, Talk, message, packets, pcap, seal

PACKAGE = Path(lmdecode.__file__).parent
PAGE = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
FRAMES = 400


@pytest.mark.usefixtures("with_all_parts")
def test_the_picture_shows_the_files_that_an_ordinary_frame_passes(tmp_path):
    path = tmp_path / "x.pcap"
    talk = Talk().open()
    for number in range(FRAMES):
        coffee, steam = 900 + number % 20, 1200 + number // 20
        talk.send("machine", seal(message(f"R401C0004{coffee:04X}{steam:04X}")))
    path.write_bytes(pcap(packets(talk.close().segments)))
    passed = Counter()

    def trace(frame, event, _):
        passed[frame.f_code.co_filename] += event == "line"
        return trace

    out = io.TextIOWrapper(io.BytesIO())
    writer = format_named("jsonl").open(out, Style())
    asked = Asked((KEY_TEXT,))
    opened = asked.opened()
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        decode_onto(writer, Outcome(path), asked, opened)
    finally:
        sys.settrace(before)
    assert out.buffer.getvalue().count(b"\n") == FRAMES
    # Each frame runs some lines of each file that it passes; what runs for blocks of frames runs far fewer.
    often = {Path(name) for name, count in passed.items() if count >= FRAMES}
    ours = {str(name.relative_to(PACKAGE)) for name in often if name.is_relative_to(PACKAGE)}
    picture = PAGE[PAGE.index("## The path of a frame") :].split("```")[1]
    assert ours == set(re.findall(r"[a-z_0-9/]+\.py(?=  )", picture))
    assert len(ours) <= 9
