"""Recognise pages that are images."""
