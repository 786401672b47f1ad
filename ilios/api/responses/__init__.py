"""Turn what services return or raise into answers."""
