"""Logs, traces and metrics of all processes."""
