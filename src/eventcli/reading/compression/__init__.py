"""Compressed streams: recognised by their first bytes, decompressed while they are read."""
