"""A dataset: the messages of many captures as a folder of Parquet files, on a disk or in a bucket.

From argument to rows, one file a step:

    finding     what the user named (files, folders, patterns, URLs)   → the files that are there
    rotation    files that one recording was cut into                  → units, each decoded as one capture
    identity    the content of a unit                                  → whether the dataset has it, and whether it grew
    converting  a unit                                                 → Parquet files and an entry, or why not
    entries     what the dataset says of each capture that is in it

A unit is converted by whoever has time for it: this process, or a worker of Dask. What makes that safe is the order in
which a unit is written. First come its Parquet files, whose names follow from the unit's content, and last, in one
step, its entry, which lists them. A reader takes the files that entries list, so it sees all of a capture or nothing
of it, at any moment; and whatever was interrupted is not there, and is done again.
"""
