"""KaTeX, the independent reader of the formulas that Ilios writes."""
