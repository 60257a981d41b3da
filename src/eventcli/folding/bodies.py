"""The seam between the two bodies of the fold: chooses the one that folds blocks.

The Rust body handles the lines whose meaning is certain to it, and hands back all others by position. Those go to
the Python body, the authority, which accepts them or rejects them with a reason. If nobody asks which lines are
rejected, the Rust body also counts those whose reason is certain to it: bad lines take no longer than good ones.
"""

from eventcli.body import body
from eventcli.folding.fold import Fold
from eventcli.folding.kernel import KernelFold, reference_fold
from eventcli.lines.query import Query


def new_fold(query: Query) -> Fold:
    """Return an empty fold of the body in use, which counts the events that the query keeps."""
    return KernelFold(query) if body() == "rust" else reference_fold(query)
