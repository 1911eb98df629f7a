"""A dataset: the messages of many captures as a folder of Parquet files, on a disk or in a bucket.

The way of a capture, one file a step; `app/export.py` calls the first three, and a runner the others:

    finding     what the user named (files, folders, patterns, URLs)   → the files that are there
    rotation    files that one recording was cut into                  → units, each decoded as one capture
    store       what the dataset has already                           → the units that must be read
    identity    a unit's files                                         → copies at hand, and what identifies the content
    decoding    the bytes of a unit, or of a share of it               → rows
    naming      rows                                                   → the partition of each row
    tables      rows and partitions                                    → Parquet files
    converting  all that for one unit, and its entry at the end        → what came of the unit

Beside that way:

    unit        the values that go along it: File, Unit, Job, Result
    places      paths and URLs; listing: the files of a folder that is not on this computer; temporary: copies of them
    storage     reads and writes of the dataset itself; layout: its paths; lock: who may write
    entries     what the dataset says of each capture; schema: its columns; errors
    overlap     what other entries have of a recording already, as of a ring of files that lost its oldest
    shares      one huge capture for several workers
    cluster     the runner on workers of Dask; cluster_start: scheduler and workers; cluster_fork, cluster_imports: what
                they are forked from; cluster_health: whether they can do it; cluster_work: what a worker does
    rows        the rows of one capture or one Parquet file as a table in memory, for `lmdecode.dask`

A unit is converted by whoever has time for it: this process, or a worker of Dask. What makes that safe is the order in
which a unit is written. First come its Parquet files, whose names follow from the unit's content, and last, in one
step, its entry, which lists them. A reader takes the files that entries list, so it sees all of a capture or nothing
of it, at any moment; and whatever was interrupted is not there, and is done again.
"""
