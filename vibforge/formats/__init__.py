"""Bytes to plain values and back; nothing here knows what a VIB is."""
