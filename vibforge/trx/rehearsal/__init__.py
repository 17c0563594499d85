"""A rehearsal of a trx.conf: the real ptp4l as its client, against a grandmaster.

It runs in private namespaces, without hardware timestamps, and never sets a clock.

    programs     linuxptp and the system's tools
    world        private namespaces, from which nothing stays behind
    client       the client's configuration, and what the rehearsal overrides
    grandmaster  the other side: of a profile, a ptp4l.conf or what was heard
    oracle       what the parsers of ptp4l and phc2sys say of each line
    data_sets    what ptp4l says of itself through pmc
    log          the little that is kept of a program's output
    verdict      what the data sets mean
    remedy       what to change in which line
    stage        one run from start to verdict
"""
