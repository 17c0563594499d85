"""Offline bundles: what they say, who reads them, how they are made and served."""
