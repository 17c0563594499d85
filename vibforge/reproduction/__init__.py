"""Building again: under other circumstances, or from a build.json, to the same bytes."""
