"""Recognise the text of images: detect its lines, read them, restore their order and structure."""
