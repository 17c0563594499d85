"""From and to the files of others: ptp4l.conf, arguments of linuxptp, OpenShift's PtpConfig.

Nothing is lost silently: what has no place on the other side is listed, with the reason.
"""
