"""isal as its documentation shows it: a file is decompressed, and nothing is done with what comes out."""

import sys

from isal import igzip

with igzip.open(sys.argv[1]) as stream:  # type: ignore[no-untyped-call]  # it has no annotations
    buffer = bytearray(1 << 20)
    while stream.readinto(buffer):
        pass
