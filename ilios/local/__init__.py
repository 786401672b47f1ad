"""Conversion at a command line: finds files, converts them here or by a service, writes results."""
