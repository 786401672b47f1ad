"""Read plain text and tables of delimited values."""
