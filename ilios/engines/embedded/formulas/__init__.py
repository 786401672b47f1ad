"""Formulas as LaTeX: OMML (Word, PowerPoint) and MathML (web pages, books, OpenDocument).

`omml` and `mathml` read one notation each; both build with the functions of `latex`, which write
valid LaTeX only: balanced, known commands. `line` writes it in one line of plain text; the API
loads that module, so what it imports must load no lxml.
"""
