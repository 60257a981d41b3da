"""What zsh evaluates to complete words: click's script, made to work at any place of .zshrc."""

from typing import Final

# click's own last lines, which take it for granted that compinit came first.
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
    """Return click's template of a script for zsh, with an end that works before compinit has run, too."""
    return template.partition(_AUTOLOADED)[0] + _REGISTER
