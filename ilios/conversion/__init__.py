"""Take one claimed job to its end: plan it, call the engine, record the outcome."""
