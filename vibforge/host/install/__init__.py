"""What `esxcli software vib install`, `update` and `remove` do, step by step.

The steps are those of vib-format 8, tried on 6.7; `installer` has them in their order, and `run` is
one command under one set of answers to what is not known of the host.
"""
