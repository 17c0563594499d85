"""What `esxcli software vib install` and `update` do, step by step (vib-format 8, tried on 6.7).

command        which VIBs, onto which host, with which verb and flags
run            a command under assumed facts: what the flags leave standing, and the refusal
installer      the steps in their order
validation     the profile as a whole: what is wrong with it, in the groups that hosts report
trouble        one problem of a profile
level_checks   what an acceptance level does not allow
relationships  dependencies and conflicts
staging        the host and each VIB: space, hardware, names, trust, digests
remediation    the change itself: live, in maintenance mode, or at the next boot
"""
