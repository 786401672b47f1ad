"""Reads Excel workbooks of before 2007."""
