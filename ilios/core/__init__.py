"""What everything else stands on, and what imports nothing else of ilios: settings, errors, ids,
clock, paths, disk space, prices.
"""
