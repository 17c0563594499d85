"""A VIB: its archive, its descriptor and its payloads, read once for all who judge it."""
