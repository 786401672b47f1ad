"""Tell a file's type from its bytes."""
