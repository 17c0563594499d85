"""What one can do: one verb a module, named after it; nouns are what several verbs share."""
