"""What is known of TRX and its `/etc/vmware/trx.conf`: ESXi's PTP with hardware timestamps.

Nothing of it is documented or supported by the vendor. It comes from a public analysis of ESXi
8.0.2 and 8.0 U3 and from linuxptp, which TRX runs; what neither of them shows is said as unknown.

    document    the lines of a trx.conf, as trx-ctl takes them apart
    catalogue   every option of linuxptp, and what it means inside TRX
    check       all that is wrong with a file, by the rules in `rules`
    profile     the PTP profiles as option sets
    effective   what ptp4l and phc2sys would make of the file
    exchange    from and to ptp4l.conf, phc2sys options and PtpConfig
"""
