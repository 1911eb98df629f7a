"""Runs the notebooks beside it, and keeps what comes out; or, as a module, gives what comes out.

python notebooks/run.py                      all of them
python notebooks/run.py 1-a-morning.ipynb    one
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Final

import matplotlib.font_manager  # noqa: F401 -- makes its cache of fonts, which a kernel would tell of
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

__all__ = ["FOLDER", "executed", "notebooks", "scrubbed"]

FOLDER: Final = Path(__file__).parent
_SECONDS: Final = 100  # for one cell


def notebooks() -> list[Path]:
    """The notebooks, in order."""
    return sorted(FOLDER.glob("*.ipynb"))


def executed(path: Path) -> NotebookNode:
    """A notebook with what comes out when it is run anew, in a kernel of its own."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=_SECONDS,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(FOLDER)}},
    )
    with tempfile.TemporaryDirectory() as own:
        client.execute(env=_environment(own))
    return scrubbed(notebook)


def scrubbed(notebook: NotebookNode) -> NotebookNode:
    """A notebook with nothing in it of the computer that it was run on."""
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    for number, cell in enumerate(notebook.cells, 1):
        cell.id = f"cell-{number}"
        tags = cell.metadata.get("tags")
        cell.metadata = NotebookNode(tags=tags) if tags else NotebookNode()
        for output in cell.get("outputs", ()):
            output.pop("metadata", None)
            if output.output_type in {"display_data", "execute_result"}:
                output.metadata = NotebookNode()
        _join_streams(cell)
    return notebook


def _environment(own: str) -> dict[str, str]:
    """A kernel's: it finds what is installed here, and leaves no history or settings behind."""
    known = os.environ
    commands, project = str(Path(sys.executable).parent), str(FOLDER.parent)
    return known | {
        "PATH": os.pathsep.join([commands, known.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join(filter(None, [project, known.get("PYTHONPATH")])),
        "IPYTHONDIR": own,
        "TZ": "UTC",
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "PYTHONIOENCODING": "utf-8",
    }


def _join_streams(cell: NotebookNode) -> None:
    """What was printed as one text: how it was cut is chance."""
    joined: list[NotebookNode] = []
    for output in cell.get("outputs", ()):
        last = joined[-1] if joined else None
        if output.output_type == "stream" and last is not None and last.get("name") == output.name:
            last.text += output.text
        else:
            joined.append(output)
    if "outputs" in cell:
        cell.outputs = joined


def main(names: list[str]) -> None:
    """Run notebooks, and write them."""
    for path in [FOLDER / name for name in names] or notebooks():
        nbformat.write(executed(path), path)
        sys.stdout.write(f"{path.name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
