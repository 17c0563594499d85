"""Evidence for people who approve a package: SBOMs, provenance, change records."""
