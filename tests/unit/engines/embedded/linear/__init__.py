"""That each reader takes time in proportion to its input."""
