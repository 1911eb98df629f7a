"""`python -m bench.scale`: the figures that docs/scale-paper.md reckons with, as a table.

Bytes and microseconds for each message, what a capture costs a scheduler that is a process of its own, the memory of
that scheduler and of the command, the requests that a bucket gets for each capture, and how long a dataset takes to
list its entries. Takes some minutes; bytes and requests are the same on every machine, times are not.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

import fsspec
import s3fs
import zstandard

from bench.captures import make_dense
from lmdecode.app.dataset.cluster import runner
from lmdecode.app.dataset.converting import convert
from lmdecode.app.dataset.finding import find
from lmdecode.app.dataset.rotation import units
from lmdecode.app.dataset.store import open_dataset
from lmdecode.app.dataset.unit import Unit
from tests.dask.samples import job_for, write_captures
from tests.dask.servers import bucket_server, free_port, scheduler

DAY = Path("captures/gs3av-day.pcapng.zst")


def main() -> None:
    """Measure one thing after the other, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captures", type=int, default=2000, help="that the scheduler is given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lmdecode-scale-") as name:
        folder = Path(name)
        _messages(folder)
        _requests(folder)
        few = write_captures(folder / "few", 200)
        many = write_captures(folder / "many", options.captures)
        for paths in (few, many):
            _scheduler(folder / f"for-{len(paths)}", paths)


def _units(*paths: Path) -> list[Unit]:
    return list(units(find([str(path) for path in paths], "").files))


def _messages(folder: Path) -> None:
    raw, legal, odd = folder / "day.pcapng", folder / "legal.pcap", folder / "random.pcap"
    with DAY.open("rb") as packed:
        raw.write_bytes(zstandard.ZstdDecompressor().stream_reader(packed).read())
    make_dense(legal, 100_000)
    make_dense(odd, 100_000, legal=False)
    print("| capture | messages | bytes a message | packed | in Parquet | µs of CPU |")
    print("| --- | --- | --- | --- | --- | --- |")
    for path in (raw, legal, odd):
        os.utime(path, (1, 1))  # as one that nobody is writing
        packed = len(zstandard.ZstdCompressor(10).compress(path.read_bytes()))
        taken = []
        for turn in range(4):
            job = job_for(str(folder / f"{path.stem}-{turn}"))
            begun = time.process_time()
            result = convert(_units(path)[0], job)
            taken.append(time.process_time() - begun)
        rows = result.rows
        print(
            f"| {path.stem} | {rows:,} | {path.stat().st_size / rows:.0f} | {packed / rows:.0f} "
            f"| {result.bytes_written / rows:.0f} | {min(taken[1:]) / rows * 1e6:.1f} |"
        )


def _requests(folder: Path) -> None:
    """Count what a bucket is asked, for each of ten captures that are in it, by a dataset that is in it as well."""
    counts: Counter[str] = Counter()
    call = s3fs.S3FileSystem._call_s3  # noqa: SLF001 -- the one place through which all requests go

    async def counted(self: s3fs.S3FileSystem, method: str, *args: object, **kwargs: object) -> object:
        counts[method] += 1
        return await call(self, method, *args, **kwargs)

    paths = write_captures(folder / "ten", 10)
    with bucket_server() as url:
        os.environ |= {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        bucket = fsspec.filesystem("s3")
        bucket.mkdir("years")
        bucket.put([str(path) for path in paths], [f"years/in/{path.name}" for path in paths])
        s3fs.S3FileSystem._call_s3 = counted  # noqa: SLF001
        job = job_for("s3://years/dataset")
        found = list(units(find(["s3://years/in/*.pcap"], "").files))
        counts.clear()
        for unit in found:
            convert(unit, job)
        s3fs.S3FileSystem._call_s3 = call  # noqa: SLF001
    print("requests a capture: " + ", ".join(f"{name} {count / 10:g}" for name, count in sorted(counts.items())))


def _scheduler(folder: Path, paths: list[Path]) -> None:
    folder.mkdir()
    port, found = free_port(), _units(*paths)
    job = job_for(str(folder / "dataset"))
    with scheduler(port, folder / "scheduler", 2) as (process, *_):
        cluster = runner(f"tcp://127.0.0.1:{port}", None)
        results = cluster.run(found, job)
        next(results)
        cpu, begun = _cpu(process.pid), time.perf_counter()
        rest = sum(1 for _ in results)
        seconds, cpu = time.perf_counter() - begun, _cpu(process.pid) - cpu
        peaks = [_peak(each) / 1024 for each in (process.pid, os.getpid())]
        cluster.close()
    begun = time.perf_counter()
    entries = open_dataset(job.dataset).entries()
    listed = time.perf_counter() - begun
    print(
        f"{len(paths):,} captures, 2 workers: {rest / seconds:.1f} a second; the scheduler took "
        f"{cpu / rest * 1e3:.1f} ms of CPU for each, at most {peaks[0]:.0f} MB; the command {peaks[1]:.0f} MB; "
        f"{listed / len(entries) * 1e6:.0f} µs to list an entry"
    )


def _cpu(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _peak(pid: int) -> int:
    return next(
        int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in line
    )


if __name__ == "__main__":
    main()
