"""What programs call: one function for each command, plain arguments, typed results."""
