"""What clocks say to each other on a network, and the settings that follow from it."""
