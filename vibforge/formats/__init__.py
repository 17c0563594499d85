"""Bytes to plain values and back. Nothing here knows what a VIB is."""
