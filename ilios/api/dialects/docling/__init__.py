"""The dialect of docling-serve."""
