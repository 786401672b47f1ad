"""Convert files on this machine, with the packages that pip installed.

`conversion.convert_file` is the entry point, `readers.READERS` the list of formats. Heavy libraries
are loaded with the first document that needs them, so importing this package is cheap.
"""
