"""A machine over Bluetooth: values that are asked for, commands, and notifications."""
