"""What is done with any VIB or bundle: inspect, lint, verify, plan, extract, sign."""
