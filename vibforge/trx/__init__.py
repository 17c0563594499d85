"""TRX, the hardware PTP of ESXi: its trx.conf, PTP networks, rehearsals."""
