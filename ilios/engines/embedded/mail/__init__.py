"""Reads mails: what they say, and the files that are attached to them."""
