"""Check settings, machine and providers, with a remedy for each fault.

A check writes nothing, never raises for what it finds, and says one line for each finding.
"""
