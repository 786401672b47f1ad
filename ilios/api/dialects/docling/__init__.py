"""The dialect of docling-serve: its routes, its tasks, and a DoclingDocument written by ourselves."""
