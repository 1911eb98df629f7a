"""What workers of this computer need; whoever imports this has imported it all. See `cluster_fork`.

No thread may start here, since a worker would lack it.
"""

from __future__ import annotations

import gc
from contextlib import suppress
from importlib import import_module
from typing import Final

_WORKER: Final = (
    "distributed.http.health",
    "distributed.http.prometheus",
    "distributed.http.worker",
    "distributed.http.worker.prometheus",
    "email.policy",
    "multiprocessing.synchronize",
    "numpy.random",
    "tornado.platform.asyncio",
)
"""What a worker of Dask imports when it starts, beside `distributed`."""
_CAPTURE: Final = (
    "lmdecode.app.dataset.cluster_work",
    "lmdecode.capture.formats._recognition",
    "lmdecode.capture.net.tls",
    "lmdecode.codec.v1._fast",
    "lmdecode.codec.v1.conversation",
    "lmdecode.codec.v1.decoder",
    "lmdecode.render.columnar",
    "pyarrow.compute",
    "pyarrow.parquet",
)
"""What its first capture needs."""


def _import_all() -> None:
    from lmdecode._startup import load_cipher

    load_cipher()
    for name in ("distributed", *_WORKER, *_CAPTURE):
        with suppress(Exception):  # another version has it elsewhere; and whoever needs it says what is wrong with it
            import_module(name)
    with suppress(Exception):
        from lmdecode.app.dataset.schema import file_schema
        from lmdecode.capture.formats import formats
        from lmdecode.codec.dialect import OwnerAccess
        from lmdecode.codec.speakers import Speakers

        file_schema()
        formats()
        Speakers.open(OwnerAccess(), None, frozenset())


if gc.isenabled():
    gc.disable()  # imports leave no garbage, and looking for some takes a tenth of their time
    _import_all()
    gc.enable()
else:
    _import_all()
gc.freeze()  # the workers need not look through what was imported either
