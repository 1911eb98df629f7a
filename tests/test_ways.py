"""Whatever captures hold, all ways of telling it say the same."""

import gzip

from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.capture.net.packet import Endpoint
from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.v1.key import Key
from tests.app.dataset.exporting import KITCHEN, job, unit, write
from tests.capture.building import (
    SECOND,
    START_NS,
    Talk,
    enhanced,
    ethernet,
    interface,
    option,
    pcap,
    section,
)
from tests.codec.v1.samples import SAMPLES
from tests.codec.v1.samples import seal as sealed
from tests.ways import same_everywhere

OTHER = b"abcdefghijklmnopqrstuvwxyz012345"
KEYS = (KITCHEN, MachineKey("cellar", Key(OTHER)))
SECTION = section()


@st.composite
def talks(draw, number):
    """A connection's packets: frames of two machines that are cut, put together, damaged; lost, doubled, reordered."""
    v3 = draw(st.integers(0, 9)) == 0
    port = 8081 if v3 else 1774
    made = Talk(
        Endpoint("192.168.1.150", 36000 + number),
        Endpoint(f"192.168.1.{215 + number % 2}", port),
        time_ns=START_NS + draw(st.sampled_from((0, 7, 43_600 * SECOND))),
    ).open()
    for _ in range(draw(st.integers(1, 5))):
        sender = draw(st.sampled_from(("app", "machine")))
        frames = b"".join(draw(st.lists(FRAMES, min_size=1, max_size=3)))
        if v3:
            frames = b"GET /api/v1/config HTTP/1.1\r\nHost: a\r\n\r\n"
        cut = draw(st.integers(1, len(frames))) if draw(st.booleans()) else len(frames)
        made.send(sender, frames[:cut], acked=draw(st.booleans()))
        if cut < len(frames):
            made.send(sender, frames[cut:])
    segments = made.close().segments
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(segments) - 1))
        match draw(st.sampled_from(("lost", "doubled", "moved"))):
            case "lost":
                del segments[at]
            case "doubled":
                segments.insert(at, segments[at])
            case _:
                segments.append(segments.pop(at))
        if not segments:
            break
    return [(segment.time_ns, ethernet(segment)) for segment in segments]


FRAMES = st.builds(
    lambda sample, key, damage: b"@" + sealed(sample.plaintext[:-1] + damage, key) + b"%",
    st.sampled_from(SAMPLES),
    st.sampled_from((b"12345678901234567890123456789012", OTHER, bytes(32))),
    st.sampled_from((b"", b"", b"", b"0")),
).map(bytes) | st.builds(
    lambda sample, key: b"@" + sealed(sample.plaintext, key) + b"%",
    st.sampled_from(SAMPLES),
    st.sampled_from((b"12345678901234567890123456789012", b"12345678901234567890123456789012", OTHER)),
)


@st.composite
def recordings(draw):
    """The bytes of a capture with a few connections that take turns."""
    several = [draw(talks(number)) for number in range(draw(st.integers(1, 3)))]
    found = [packet for each in several for packet in each]
    if draw(st.booleans()):
        found = sorted(found, key=lambda packet: packet[0])
    match draw(st.sampled_from(("pcap", "nanoseconds", "pcapng", "gzip"))):
        case "pcap":
            return pcap(found)
        case "nanoseconds":
            return pcap([(time_ns + 1, data) for time_ns, data in found], nanoseconds=True)
        case "gzip":
            return gzip.compress(pcap(found), 1)
    fine = interface(options=option(9, b"\x09"))
    blocks = [
        enhanced(number % 2, time_ns // (1 if number % 2 else 1000), data)
        for number, (time_ns, data) in enumerate(found)
    ]
    return SECTION + interface() + fine + b"".join(blocks)


@settings(max_examples=4)
@given(st.lists(recordings(), min_size=1, max_size=2), st.integers(0, 2))
def test_captures_of_all_kinds(tmp_path_factory, made, keys):
    folder = tmp_path_factory.mktemp("ways")
    units = [unit(write(folder / f"{number}.pcap", data)) for number, data in enumerate(made)]
    same_everywhere(units, job(folder / "dataset", keys=KEYS[:keys]))
