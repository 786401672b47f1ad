"""Keep bytes that outlive a process: the object store, signed links, the spool of paid answers."""
