"""One module for each resource; a handler translates and does not decide."""
