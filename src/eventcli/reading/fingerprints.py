"""Hashes that recognise a stream: of its beginning, line by line, and of any window of it."""

import re
from _blake2 import blake2b  # hashlib loads OpenSSL, which takes 3 ms: see benchmarks/README.md
from typing import Final

WINDOW: Final = 4096
"""Bytes at the beginning and at the end of the consumed part that serve as proof."""

_MARK_SIZE: Final = 8

_PROOF_SIZE: Final = 16


def proof(data: bytes) -> str:
    """Return the hash of a window."""
    return blake2b(data, digest_size=_PROOF_SIZE).hexdigest()


def marks(head: bytes) -> tuple[str, ...]:
    r"""Return a mark, `length:hash`, for each prefix of a stream that ends with a line, up to 4 KiB.

    `head` is the first 4 KiB, or less. The newline is not part of a mark, so a last line has the same mark before it is
    ended. One file is a prefix of another only if its last mark is among the other's.

    >>> marks(b"a\nb")[0] == marks(b"a")[0]
    True
    """
    hasher = blake2b(digest_size=_MARK_SIZE)
    found = []
    done = 0
    ends = [match.start() for match in re.finditer(b"\n", head)]
    for end in dict.fromkeys([*ends, len(head)]):
        hasher.update(head[done:end])
        done = end
        # A prefix that ends with a newline already has its mark.
        if head and not (end == len(head) < WINDOW and head.endswith(b"\n")):
            found.append(f"{end}:{hasher.hexdigest()}")
    return tuple(found)
