"""The pages of the documentation."""

from __future__ import annotations

from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = "README.md"
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (*(ROOT / "docs").rglob("*.md"), ROOT / "captures" / "README.md", ROOT / "notebooks" / "README.md")
)
"""By their paths in the project; the README is none of the site's."""


@cache
def text_of(page: str) -> str:
    """What is written on a page."""
    return (ROOT / page).read_text(encoding="utf-8")
