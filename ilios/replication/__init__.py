"""Copy the database to Turso while the service works, and restore an empty volume from the copy.

Nothing of this runs unless USE_EMBEDDED_REPLICA is true.
"""
