"""Numbers of things in words. On its own, because every command says how much it read, and few make sentences."""

from __future__ import annotations


def count_text(number: int, noun: str) -> str:
    """Returns a number of things in words.

    >>> count_text(1, "change"), count_text(1200, "change")
    ('1 change', '1,200 changes')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
