"""The command line: options in, status out; one module a family of commands."""
