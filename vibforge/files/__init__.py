"""Files and folders of this machine: read within limits, written whole or not at all."""
