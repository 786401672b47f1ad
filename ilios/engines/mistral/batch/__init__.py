"""Use the provider's Batch API: its jobs, their files, and the lines in them."""
