from __future__ import annotations

from lmdecode.render.wireshark.lua_dissector import lua_dissector


def test_to_stdout(command):
    result = command("wireshark-plugin")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == lua_dissector()


def test_to_a_file(command):
    path = command.folder / "lamarzocco.lua"
    result = command("wireshark-plugin", "--output", path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert path.read_text(encoding="utf-8") == lua_dissector()


def test_the_help_says_where_it_goes(command):
    text = command("wireshark-plugin", "--help").stdout
    assert "Personal Lua Plugins" in " ".join(text.split())
    assert "~/.local/lib/wireshark/plugins" in text


def test_a_folder_that_is_not_there(command):
    assert "cannot be written" in command.fails("wireshark-plugin", "--output", command.folder / "no" / "x.lua")
