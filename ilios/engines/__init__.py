"""Find out what a file is, and turn it into pages of Markdown."""
