"""Each notebook runs, and what is kept in it is what comes out."""

from __future__ import annotations

import base64
import importlib.util
import io
import re
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
VARIES = "varies"
"""The tag of cells whose output is another each time."""


@pytest.fixture(scope="module")
def run():
    spec = importlib.util.spec_from_file_location("run_notebooks", ROOT / "notebooks" / "run.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def codes(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def words(text):
    """A text without the rulers and spaces with which tables are drawn."""
    return re.findall(r"[^\s─-╿═╪┆]+", "".join(text))


def picture(output):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).convert("L"), dtype=float)


def kind(output):
    return output.output_type, output.get("name"), "image/png" in output.get("data", {})


def check_alike(kept, fresh):
    assert [kind(each) for each in kept] == [kind(each) for each in fresh]
    for old, new in zip(kept, fresh, strict=True):
        if old.output_type == "stream":
            assert old.text == new.text
        elif "image/png" in old.data:
            before, after = picture(old), picture(new)
            assert before.shape == pytest.approx(after.shape, rel=0.03)
            if before.shape == after.shape:  # fonts may be drawn otherwise elsewhere, but the picture is the same
                assert np.abs(before - after).mean() < 2.0
        else:
            assert words(old.data["text/plain"]) == words(new.data["text/plain"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_kept_is_what_comes_out(path, run):
    kept, fresh = codes(nbformat.read(path, as_version=4)), codes(run.executed(path))
    assert [cell.execution_count for cell in kept] == list(range(1, len(kept) + 1))
    for old, new in zip(kept, fresh, strict=True):
        assert not [each for each in new.outputs if each.output_type == "error" or each.get("name") == "stderr"]
        if VARIES in old.metadata.get("tags", ()):
            assert [kind(each) for each in old.outputs] == [kind(each) for each in new.outputs]
        else:
            check_alike(old.outputs, new.outputs)


def test_a_difference_would_be_seen():
    def printed(text):
        return nbformat.v4.new_output("stream", name="stdout", text=text)

    def drawn(level):
        with io.BytesIO() as file:
            Image.new("RGB", (60, 40), (level, level, level)).save(file, "PNG")
            data = {"image/png": base64.b64encode(file.getvalue()).decode()}
        return nbformat.v4.new_output("display_data", data=data)

    check_alike([printed("93.5\n"), drawn(100)], [printed("93.5\n"), drawn(101)])
    for kept, fresh in (
        ([printed("93.5\n")], [printed("93.6\n")]),
        ([drawn(100)], [drawn(110)]),
        ([drawn(100)], []),
    ):
        with pytest.raises(AssertionError):
            check_alike(kept, fresh)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_in_it_is_of_the_computer_that_it_was_run_on(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    text = path.read_text(encoding="utf-8")
    pictures = re.compile(r'"image/png": "[^"]*"')
    assert not re.findall(r"(?:/home|/root|/tmp|/Users|/work|C:\\\\)[^\s\"]*", pictures.sub("", text))
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert set(notebook.metadata.language_info) == {"name"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}
        assert not {"iopub.execute_input", "execution"} & set(cell.metadata)
    assert path.stat().st_size < 200_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_says_first_what_is_to_be_seen_and_its_links_lead_somewhere(path):
    first = nbformat.read(path, as_version=4).cells[0]
    assert first.source.startswith("# ")
    assert "**You will see**" in first.source
    for cell in nbformat.read(path, as_version=4).cells:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", cell.source) if cell.cell_type == "markdown" else ():
            assert (path.parent / target).exists(), target


def test_both_pages_name_all_notebooks():
    assert len(NOTEBOOKS) == 4
    for page in (ROOT / "docs" / "notebooks.md", ROOT / "notebooks" / "README.md"):
        text = page.read_text(encoding="utf-8")
        assert [path.name for path in NOTEBOOKS if path.name not in text] == []
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            assert (page.parent / target).exists(), target
