"""The link types that scapy reads, and that it is only asked when it must be."""

from __future__ import annotations

import subprocess
import sys

from lmdecode.capture.net.dissection import find_ip, is_known
from tests.capture.building import CAPTURES, ipv4, talk

SEGMENT = talk().segments[3]


def test_the_innermost_ip_header_is_found():
    inner = ipv4(SEGMENT)
    tunnel = bytearray(ipv4(SEGMENT, inner))
    tunnel[9] = 4
    assert find_ip(101, bytes(tunnel)) == 20
    assert find_ip(101, inner) == 0


def test_what_has_no_ip_header():
    assert is_known(105)
    assert not is_known(147)
    assert find_ip(147, ipv4(SEGMENT)) == -1
    assert find_ip(105, b"\x80\x00") == -1
    assert find_ip(1, b"") == -1


def test_ordinary_captures_do_not_load_scapys_layers():
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from lmdecode.capture import decode_capture\n"
        "from lmdecode.codec.v1.key import Key\n"
        "from lmdecode.codec.v1 import speakers_with\n"
        "from lmdecode.codec.v1.decoder import FrameDecoder\n"
        "print('scapy.utils' in sys.modules, 'ijson' in sys.modules)\n"
        f"key = Key.parse({'12345678901234567890123456789012'!r})\n"
        f"capture = Path({str(CAPTURES / 'gs3mp-standby.pcapng')!r})\n"
        "print(len(list(decode_capture(capture, speakers_with(FrameDecoder(key))))))\n"
        "print('scapy.utils' in sys.modules, 'scapy.layers.inet' in sys.modules, 'ijson' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "46", "False", "False", "False"]
    assert done.stderr == ""
