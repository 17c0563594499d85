"""Settings that come from the files of other tools, and go to them."""
