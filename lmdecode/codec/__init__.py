"""The protocol as pure functions: keys, frames, messages, the memory map. No I/O, no clock, no logging, no async."""
