"""What differs between two packages, projects, trx.confs or hosts, by meaning."""
