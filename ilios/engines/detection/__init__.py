"""Determine a file's type from its bytes."""
