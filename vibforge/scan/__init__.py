"""One reading of a VIB or bundle, which gives checks and reports every fact that they need."""
