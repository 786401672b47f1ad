"""Reads Word documents of before 2007."""
