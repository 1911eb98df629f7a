from __future__ import annotations

from lmdecode.api.arguments import as_keyword


def test_options_become_arguments():
    assert as_keyword("give --show-secrets, or --on") == "give show_secrets=, or on="
    assert as_keyword("a--host, 1 -- 2") == "a--host, 1 -- 2"
    assert as_keyword("give --yes to do it") == "give yes=True to do it"
