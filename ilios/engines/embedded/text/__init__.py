"""Read plain text, Markdown and tables of delimited values."""
