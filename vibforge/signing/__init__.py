"""Keys that sign, wherever they are: in files, in a token, or with a service elsewhere."""
