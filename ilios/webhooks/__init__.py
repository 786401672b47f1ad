"""Webhooks: what events say, how they are signed and sent, and the list of deliveries.

The events themselves are written by triggers: see ilios.db.webhook_triggers.
"""
