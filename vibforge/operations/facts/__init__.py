"""What verification finds of each part of a package, as facts that held, failed or were not judged.

payloads     sizes, digests and files
bundle       the archive, its metadata and the VIBs in it
signatures   whether there are any, and what follows where there are none
signed       what those that are there show
level        the acceptance level that a VIB claims
"""
