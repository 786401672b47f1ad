"""Adoption: a database of the predecessor becomes one of ours, with all its content.

`predecessor` knows and holds the old file, `translation` and `standing` say what its rows mean
here, `filling` writes them into a new file, `takeover` puts that one in the place of the old.
"""
