"""The simulated machine over Bluetooth: a GATT server on a radio that bumble drives."""
