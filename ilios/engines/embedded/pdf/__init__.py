"""Read PDF files: the text layer where it is good, text recognition where it is not."""
