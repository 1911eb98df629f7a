"""The protocols as pure functions: a folder for each protocol, and the Record that all of them make.

No I/O, no clock, no logging, no async.
"""
