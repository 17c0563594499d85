"""The least sizes of keys that sign, or whose signatures strict rules take."""

RSA_BITS = 2048
"""NIST SP 800-131A disallows less since 2014."""
EC_BITS = 256
"""Code-signing CAs issue for no less."""
