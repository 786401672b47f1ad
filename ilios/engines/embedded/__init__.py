"""The embedded engine: files to Markdown with nothing but what pip installed.

`conversion.convert_file` is the way in. Every heavy import stands inside the module that needs it
and is reached lazily, so importing this package costs a web process nothing.
"""
