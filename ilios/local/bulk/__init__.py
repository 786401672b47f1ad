"""`ilios bulk`: many documents, converted by processes of Ray into a folder or bucket of parts."""
