"""The script that zsh evaluates to complete words: click's script, adapted to work anywhere in .zshrc."""

from typing import Final

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
