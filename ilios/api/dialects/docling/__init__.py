"""The dialect of docling-serve: its routes, its tasks, and results as DoclingDocuments."""
