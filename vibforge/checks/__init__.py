"""The rules, one topic a module; their docstrings are the manual."""
