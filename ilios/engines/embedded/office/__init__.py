"""Read Office and OpenDocument files."""
