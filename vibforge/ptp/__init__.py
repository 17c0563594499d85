"""What clocks say to each other on a network, and the settings that follow from it.

settings   the settings that two PTP ports must share, as ptp4l reads them
listener   messages in, what was heard out
hearing    what was heard: domains, masters, clients, intervals
choice     which network of several is meant
fitting    the trx.conf, and the grandmaster, that fit what was heard
ear        an interface of this machine, listened to
"""
