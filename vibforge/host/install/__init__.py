"""What `esxcli software vib install`, `update` and `remove` do, step by step.

install.md#what-an-install-does describes the steps. `installer` has them in their order, and `run`
is one command under one set of assumptions about unknown facts of the host.
"""
