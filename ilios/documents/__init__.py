"""A document's life: submit, reuse, read, list, cancel, delete."""
