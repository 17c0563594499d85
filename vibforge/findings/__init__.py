"""What a check is and what it finds: one engine for VIBs, bundles and trx.conf."""
