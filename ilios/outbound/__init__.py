"""Requests to addresses that clients name: a guard, connections to what it has allowed, fetches."""
