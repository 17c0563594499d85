"""Whom to believe: a host's trust store, its measured rules, and strict X.509 beside them."""
