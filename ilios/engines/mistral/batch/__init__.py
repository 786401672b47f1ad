"""The provider's Batch API: its files, its jobs and their lines."""
