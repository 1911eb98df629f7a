"""Names in a dataset: what is written can be read back, and nothing of a user's is taken for an export's."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lmdecode.app.dataset import layout
from lmdecode.app.dataset.layout import Partition, is_table, partition_of, stem, table

CONTENT = "0123456789abcdef" * 2


@given(st.text(min_size=1, max_size=15))
@example("the café/bar")
@example("..")
@example("a=b/c%2F")
@example("machine=x")
def test_a_machine_of_any_name_has_one_folder(name):
    text = name.encode("utf-8", "replace").decode()
    path = table(Partition("v1", name, "2026-11-21"), CONTENT, 1)

    assert path.count("/") == 3
    assert partition_of(path) == ("v1", text, "2026-11-21")
    assert is_table(path)
    assert path.isascii()


def test_what_is_not_known_is_null_as_hive_has_it():
    path = table(Partition("v3", None, None), CONTENT, 1)

    assert "/machine=__HIVE_DEFAULT_PARTITION__/date=__HIVE_DEFAULT_PARTITION__/" in path
    assert partition_of(path) == ("v3", None, None)
    assert partition_of(table(Partition("v3", "__HIVE_DEFAULT_PARTITION__", None), CONTENT, 1)).machine is not None


def test_a_very_long_name_is_one_that_file_systems_take():
    for name in ("x" * 1000, "é" * 1000, "xy" + "é" * 1000):
        folder = Partition("v1", name, "2026-11-21").folder.split("/")[1]
        assert 100 < len(folder) < 250
        assert partition_of(f"{Partition('v1', name, '2026-11-21').folder}/x.parquet").machine


@pytest.mark.parametrize(
    ("edition", "share", "number", "name"),
    [
        (1, None, 1, f"{CONTENT}.parquet"),
        (1, None, 2, f"{CONTENT}-2.parquet"),
        (2, None, 1, f"{CONTENT}-e2.parquet"),
        (2, 7, 3, f"{CONTENT}-e2-s7-3.parquet"),
    ],
)
def test_each_file_of_a_capture_has_a_name_of_its_own(edition, share, number, name):
    path = table(Partition("v1", "kitchen", "2026-11-21"), stem(CONTENT, edition=edition, share=share), number)

    assert path == f"generation=v1/machine=kitchen/date=2026-11-21/{name}"
    assert is_table(path)


@pytest.mark.parametrize(
    "path",
    [
        "generation=v1/machine=kitchen/date=2026-11-21/mine.parquet",
        f"generation=v1/machine=kitchen/{CONTENT}.parquet",
        f"generation=v1/machine=kitchen/date=2026-11-21/x/{CONTENT}.parquet",
        f"/etc/generation=v1/machine=kitchen/date=2026-11-21/{CONTENT}.parquet",
        f"generation=v1/machine=kitchen/date=2026-11-21/{CONTENT}.parquet.part",
        f"generation=v1/machine=kitchen/date=2026-11-21/{CONTENT}.parquet\n",
    ],
)
def test_other_files_are_not_taken_for_an_exports(path):
    assert not is_table(path)


def test_a_path_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no file of a dataset"):
        partition_of("generation=v1/x.parquet")


@given(st.text())
def test_a_failure_of_any_name_has_a_plain_file(name):
    path = layout.failure(name)

    assert path.startswith("_lmdecode/failed/")
    assert path.count("/") == 2
    assert path.isascii()
