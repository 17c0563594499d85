"""How fast vibforge is against its peers and against what the machine can do."""
