"""The protocol of the first gateways (TCP port 1774): key, frames, messages, the memory map."""
