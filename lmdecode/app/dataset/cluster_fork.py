"""The process from which workers on this computer are forked: it imports what they need while the command imports more.

Python calls it a fork server. A worker that starts by itself takes a second of a core for its imports, two workers two
seconds, and that before the first capture; those that are forked have them. A worker that died is started by itself.

Only Linux: the libraries of other systems may start threads when they are loaded, which a fork does not have.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from typing import Any, Final

_IMPORTS: Final = "lmdecode.app.dataset.cluster_imports"
_ENVIRONMENT: Final = {
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
"""What Dask gives to its workers. It must be there before a library reads it, and so no thread is started either."""


_started_with: Final[set[str]] = set()  # the names of the variables that it has, once it is there


def start() -> bool:
    """Starts the process, and does not wait for it. Returns whether workers are to be forked from it.

    Raises:
        OSError: It cannot be started.
    """
    if sys.platform != "linux" or not _started_with.issubset(os.environ):  # nobody takes a variable from a worker
        return False
    if not _started_with and getattr(forkserver._forkserver, "_forkserver_pid", None) is not None:  # noqa: SLF001 -- see below
        return False  # the program that this is part of has one, with other imports
    multiprocessing.set_forkserver_preload([_IMPORTS])
    with _environment():
        forkserver.ensure_running()
        _started_with.update(os.environ)
    _started_with.difference_update(_ENVIRONMENT)
    return True


def settings() -> dict[str, Any]:
    """Returns the part of Dask's configuration by which it forks its workers from that process. Imports Dask."""
    import distributed.utils

    # Dask would have the process import what its own tests want, and would import pandas here to see whether it can.
    setattr(distributed.utils, "_forkserver_preload_set", True)  # noqa: B010 -- this name is not part of its interface
    return {"distributed.worker.multiprocessing-method": "forkserver"}


@contextmanager
def _environment() -> Iterator[None]:
    """Sets what is not set for as long as it is entered."""
    missing = {name: value for name, value in _ENVIRONMENT.items() if name not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)
