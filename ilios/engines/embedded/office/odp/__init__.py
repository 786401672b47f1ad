"""Reads OpenDocument presentations."""
