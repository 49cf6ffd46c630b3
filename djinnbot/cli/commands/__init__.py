"""One module a command group, imported when called."""
