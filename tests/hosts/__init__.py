"""A cluster on several hosts, each a network namespace, that are cut off, paused and killed."""
