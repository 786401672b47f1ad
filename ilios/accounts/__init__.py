"""Decide who may use the service and how much: keys, authentication, rate limits, quotas, costs,
and the ledger of every call.
"""
