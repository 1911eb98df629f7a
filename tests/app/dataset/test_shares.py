"""Which captures are decoded in shares."""

from __future__ import annotations

import pytest

from lmdecode.app.dataset.shares import LEAST, Share, shares_of
from lmdecode.app.dataset.unit import File, Unit
from lmdecode.codec.v1 import speakers_with
from tests.capture.building import new_decoder, pcap


@pytest.mark.parametrize(
    ("size", "workers", "others", "count"),
    [
        (8 * LEAST, 1, 0, 1),
        (8 * LEAST, 3, 0, 1),  # too few, to gain by it
        (8 * LEAST, 4, 0, 4),
        (8 * LEAST, 4, 8 * LEAST, 4),
        (8 * LEAST, 4, 24 * LEAST, 1),  # the workers have enough to do
        (5 * LEAST, 8, 0, 5),
        (4 * LEAST - 1, 8, 0, 1),
        (0, 8, 0, 1),
        (-1, 8, 0, 1),  # a web server that does not say
    ],
)
def test_only_a_huge_capture_that_the_others_would_wait_for_is_shared(size, workers, others, count):
    unit = Unit((File("s3://x/x.pcap.gz", "s3://x/x.pcap.gz", size),))
    assert shares_of(unit, workers, size + others) == tuple(Share(index, count) for index in range(count))


@pytest.mark.parametrize(("data", "count"), [(pcap([]), 4), (b'{"log": {"entries": []}}', 1), (b"", 1)])
def test_what_has_no_packets_is_not_shared(tmp_path, data, count):
    (tmp_path / "x").write_bytes(data)
    assert len(shares_of(Unit((File(str(tmp_path / "x"), "x", 4 * LEAST),)), 4, 0)) == count
    assert len(shares_of(Unit((File("s3://x/x.har", "x.har", 4 * LEAST),)), 4, 0)) == 1


def test_one_share_alone_is_the_whole():
    speakers = speakers_with(new_decoder())
    assert Share().speakers(speakers) is speakers
    assert Share(1, 2).speakers(speakers).ports == speakers.ports
