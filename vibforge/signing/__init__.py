"""Signatures: the keys that make them, and whom a host or a strict reader believes."""
