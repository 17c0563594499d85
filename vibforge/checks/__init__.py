"""The rules for VIBs: each finds one kind of fault and explains it."""
