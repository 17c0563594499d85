"""What the things are: frozen values, no files, no clock."""
