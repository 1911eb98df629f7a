"""Files for Wireshark: a dissector, and captures with what was decoded in them."""
