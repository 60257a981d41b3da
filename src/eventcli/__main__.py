"""`python -m eventcli` is `eventstats`."""

from eventcli.cli import script

if __name__ == "__main__":
    script()
