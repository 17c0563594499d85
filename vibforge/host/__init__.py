"""What an ESXi host does with VIBs: outcomes, refusals and remedies."""
