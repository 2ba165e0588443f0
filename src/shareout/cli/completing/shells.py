"""The scripts that make a shell ask this program what may follow. They hold no list: `offers` has them all.

Each is bound to names without a folder: shells look them up so for `./main` and `~/bin/main` too, and what is asked is
the very file that was typed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# `merge-results` and `merge-logs` are commands that have a name of their own where shareout is installed.
BASH = r"""# bash: what may follow, asked of the program itself. For every shell to come, put into ~/.bashrc:
#   source <(@NAME@ completion bash)
_@ID@_words() {
  local program=${COMP_WORDS[0]/#\~\//$HOME/} line paths=
  local -a words=("${COMP_WORDS[@]:1:COMP_CWORD}")
  case ${program##*/} in
    merge-results|merge-logs) words=("${program##*/}" "${words[@]}"); program=${program%merge-*}shareout ;;
  esac
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      $'\t'*) paths=${line#?} ;;
      *) printf -v line %q "${line%%$'\t'*}"; COMPREPLY+=("$line") ;;
    esac
  done < <("$program" completion bash -- "${words[@]}" 2>/dev/null)
  case $paths in
    files) compopt -o bashdefault -o default ;;
    folders) compopt -o dirnames ;;
  esac
}
complete -F _@ID@_words @NAMES@
"""

ZSH = r"""#compdef @NAMES@
# zsh: what may follow, asked of the program itself. For every shell to come, put into ~/.zshrc:
#   source <(@NAME@ completion zsh)
_@ID@_words() {
  local line paths program=${~words[1]}
  local -a offered typed=("${(@Q)words[2,CURRENT]}")
  case ${program:t} in
    merge-results|merge-logs) typed=("${program:t}" "${typed[@]}"); program=${program%merge-*}shareout ;;
  esac
  for line in "${(@f)$("$program" completion zsh -- "${typed[@]}" 2>/dev/null)}"; do
    case $line in
      $'\t'*) paths=${line#?} ;;
      ?*) offered+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
    esac
  done
  (( $#offered )) && _describe -t words word offered
  case $paths in
    files) _files ;;
    folders) _files -/ ;;
  esac
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _@ID@_words @NAMES@
# Where it lies in a folder of $fpath, this file is the function that is called first.
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _@ID@_words; fi
"""

FISH = r"""# fish: what may follow, asked of the program itself. For every shell to come:
#   @NAME@ completion fish > ~/.config/fish/completions/@NAME@.fish
function __@ID@_words
    set -l words (commandline -opc)
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    set -l typed $words[2..-1] (commandline -ct)
    if string match -qr '(^|/)merge-(results|logs)$' -- $program
        set typed (string replace -r '.*/' '' -- $program) $typed
        set program (string replace -r 'merge-[a-z]*$' shareout -- $program)
    end
    for line in ($program completion fish -- $typed 2>/dev/null)
        switch $line
            case \tfiles
                __fish_complete_path (commandline -ct)
            case \tfolders
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
        end
    end
end
@EACH@"""
FISH_EACH = "complete -c @NAME@ -f -a '(__@ID@_words)'\n"
SHELLS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def script(shell: str, names: Sequence[str]) -> str:
    """For programs of these names; the first is the one that answers."""
    each = "".join(FISH_EACH.replace("@NAME@", name) for name in map(_quoted, names))
    text = SHELLS[shell].replace("@EACH@", each).replace("@NAMES@", " ".join(map(_quoted, names)))
    return text.replace("@NAME@", _quoted(names[0])).replace("@ID@", re.sub(r"\W", "_", names[0], flags=re.ASCII))


def _quoted(name: str) -> str:
    # Not shlex, which a start would load for this line: the name of a file, and of none of ours with a quote in it.
    return name if re.fullmatch(r"[\w.+-]+", name) else "'" + name.replace("'", "'\\''") + "'"
