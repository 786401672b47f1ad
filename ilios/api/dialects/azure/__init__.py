"""The dialect of Azure Document Intelligence."""
