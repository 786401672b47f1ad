"""Backups of a service while it works, of either database, and what is restored from them."""
