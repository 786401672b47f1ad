"""Reads OpenDocument spreadsheets."""
