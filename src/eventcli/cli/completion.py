"""How shells complete words: the script for zsh, and the files that the first word may be besides a command."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from click.shell_completion import CompletionItem

# click's own last lines, which assume that compinit ran first.
_AUTOLOADED: Final = "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then"

_REGISTER: Final = """\
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    # From a folder of fpath: compinit knows it.
    %(complete_func)s "$@"
else
    %(complete_func)s_register() {
        (( ! $+functions[compdef] )) || compdef %(complete_func)s %(prog_name)s
    }
    %(complete_func)s_register
    # And again at the first prompt: compinit, which makes compdef, may come further down, or once more and forget.
    %(complete_func)s_prompt() {
        add-zsh-hook -d precmd %(complete_func)s_prompt
        %(complete_func)s_register
    }
    autoload -Uz add-zsh-hook
    add-zsh-hook precmd %(complete_func)s_prompt
fi
"""


def for_zsh(template: str) -> str:
    """Return click's script template for zsh, with an ending that works even before compinit has run."""
    return template.partition(_AUTOLOADED)[0] + _REGISTER


_PLAIN: Final = re.compile(r"[\w.+@%,:=-]+")
"""Names that a shell takes as they are."""


def files(incomplete: str, *, beside_commands: bool) -> Iterator[CompletionItem]:
    """Yield what completes the name of a file; `beside_commands` says whether commands complete the same word.

    Shells complete names themselves. But bash does so only if nothing else completes the word: then the names in this
    directory are listed for it.
    """
    if beside_commands and os.environ.get("_EVENTSTATS_COMPLETE", "").startswith("bash"):
        names: list[str] = []
        with suppress(OSError):
            names = sorted(os.listdir())
        for name in names:
            is_hidden = name.startswith(".") and not incomplete
            if name.startswith(incomplete) and not is_hidden and _PLAIN.fullmatch(name):
                yield CompletionItem(f"{name}/" if os.path.isdir(name) else name)
    else:
        yield CompletionItem(incomplete, type="file")
