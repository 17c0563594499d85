"""The checks of a VIB, one topic a module; their docstrings are the manual."""
