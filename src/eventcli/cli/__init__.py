"""The command line: options in, status out; one module per family of commands."""
