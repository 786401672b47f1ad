"""Reads PowerPoint presentations of before 2007."""
