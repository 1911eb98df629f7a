"""Where the project is: its repository, and its pages for readers who have an installed package and no clone."""

from __future__ import annotations

from typing import Final

REPOSITORY: Final = "https://github.com/lmdecode/lmdecode"
"""The repository, as a browser and git take it."""


def page(name: str) -> str:
    """Returns the address of a page of the documentation.

    >>> page("credentials")
    'https://github.com/lmdecode/lmdecode/blob/main/docs/credentials.md'
    """
    return f"{REPOSITORY}/blob/main/docs/{name}.md"
