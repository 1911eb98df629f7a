"""`lmdecode wireshark-plugin`: the Lua dissector."""

from __future__ import annotations

from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.options import OutputOption


@reports_errors
def wireshark_plugin(output: OutputOption = None) -> None:
    r"""Write a Wireshark plugin in which every register is a field to filter on: `lamarzocco.coffee_temp > 90`.

    Examples:

        lmdecode wireshark-plugin --output ~/.local/lib/wireshark/plugins/lamarzocco.lua

        lmdecode decode morning.pcap --format exported-pdu --output morning.pdu.pcapng

        wireshark morning.pdu.pcapng -Y 'lamarzocco.coffee_temp > 90'

        tshark -X lua_script:lamarzocco.lua -r morning.pdu.pcapng -Y 'lamarzocco.kind == "write"'

    The plugin is one Lua file, made from the memory map. Wireshark cannot decrypt, so it reads what `lmdecode decode
    --format exported-pdu` has decrypted. The plugin belongs in the folder that Wireshark calls "Personal Lua Plugins".
    "About Wireshark" in its Help menu and `tshark -G folders` show where that is: usually
    ~/.local/lib/wireshark/plugins on Linux and macOS, %APPDATA%\Wireshark\plugins on Windows. Ctrl+Shift+L in
    Wireshark loads it without a restart.
    """
    from lmdecode.app.files import text_output
    from lmdecode.render.wireshark.lua_dissector import lua_dissector

    with text_output(output) as file:
        file.write(lua_dissector())
