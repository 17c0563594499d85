"""What a check is, what it finds, and how it is run: one engine for VIBs, bundles and trx.conf."""
