"""What runs in the clients' own environment: each driver hands one document to one client.

A driver takes an `Errand`, uses its client as applications do, and returns the text that the client
then has. What the client raises, or says in place of a text, is its error.
"""
