"""From a project to a VIB: recipes, payload trees, builds, instructions, make."""
