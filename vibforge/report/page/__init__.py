"""Self-contained HTML pages: light, dark, on paper and on phones, readable without scripts."""
