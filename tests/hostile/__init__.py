"""Hostile inputs of every reader, generated, and what each command makes of them.

A family is an attack with a size; `cases.py` gathers all. Every input goes to its commands in a
process of its own, with limits of the kernel on processor time and address space. `make hostile`
runs all of them, `make test` a sample; `python -m tests.hostile.report` prints the table.
"""
