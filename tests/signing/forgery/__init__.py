"""Forged signatures, certificates and revocation lists, for OpenSSL and vibforge to judge."""
