"""The dialect of Unstructured."""
