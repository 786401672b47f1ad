"""Import a database of the predecessor with all its content.

`predecessor` holds the old file, `status_mapping`, `row_mapping` and `value_mapping` say what its
rows mean here, `importer` writes them into a new file, `file_swap` puts that one in the place of
the old.
"""
