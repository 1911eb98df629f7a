"""Makes some captures dangerous to the worker that decodes them; Dask loads it into workers as a preload.

`killer.pcap` kills its worker each time, and a share of `fragile.pcap` the first time. `slow.pcap` leaves its worker's
process number in a file and waits, the first time; whoever reads the number kills that worker. The folder for such
files is in the environment.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from lmdecode.app.dataset import cluster_work
from lmdecode.app.dataset.converting import Part, convert, convert_share
from lmdecode.app.dataset.shares import Share
from lmdecode.app.dataset.unit import Job, Result, Unit

FOLDER = "LMDECODE_TESTS_HOOK"


def dask_setup(_worker: Any) -> None:
    """Called by Dask when the worker starts."""

    def dangerous(unit: Unit, job: Job) -> Result:
        folder = Path(os.environ[FOLDER])
        name = Path(unit.name).name
        if name == "killer.pcap":
            with (folder / "deaths").open("a") as file:
                file.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "slow.pcap" and not (folder / "slow").exists():
            (folder / "slow.part").write_text(str(os.getpid()))
            (folder / "slow.part").rename(folder / "slow")
            time.sleep(60)
        return convert(unit, job)

    def fragile(unit: Unit, job: Job, share: Share) -> Part | Result:
        mark = Path(os.environ[FOLDER]) / "fragile"
        if Path(unit.name).name == "fragile.pcap" and share.index == 1 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return convert_share(unit, job, share)

    setattr(cluster_work, convert_share.__name__, fragile)
    setattr(cluster_work, convert.__name__, dangerous)
