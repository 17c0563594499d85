"""What is known of each ESXi release, with a source for every fact."""
