"""Read the text layers of PDF files."""
