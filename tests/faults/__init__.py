"""What happens around a command: it is killed, the disk is full, the home is gone."""
