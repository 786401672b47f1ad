"""Clients that public generators make of our OpenAPI document, used as they come."""
