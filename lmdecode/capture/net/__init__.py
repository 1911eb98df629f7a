"""From packets to TCP streams: link layers, IP, fragments, reassembly."""
