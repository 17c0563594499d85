"""A rehearsal of a trx.conf: the real ptp4l as its client, against a grandmaster.

It runs in private namespaces, without hardware timestamps, and never sets a clock. `rehearse` is
the verb, `stage` one run from its start to its verdict.
"""
