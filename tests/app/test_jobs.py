"""What a worker process is told."""

from __future__ import annotations

import pickle
from datetime import UTC

from lmdecode.analysis.times import in_zone
from lmdecode.app.asked import Asked
from lmdecode.app.decode import Outcome
from lmdecode.app.jobs import _Task, _work
from lmdecode.render.records import Style
from tests.analysis.zones import computer_in
from tests.capture.building import CAPTURES, KEY_TEXT


def test_a_worker_that_is_not_forked_has_the_zone_in_force(tmp_path):
    asked = Asked((KEY_TEXT,), where=("time=02:55:57",))
    counts = []
    with computer_in("Europe/Rome"):
        for zone in (None, UTC):
            task = _Task(Outcome(CAPTURES / "gs3av-settings.pcap"), tmp_path / "part", "jsonl", Style(), asked, zone)
            with in_zone(None):  # as in a new process
                counts.append(_work(pickle.loads(pickle.dumps(task))).shown)
    assert counts[0] == 0 < counts[1]
