"""Wherever a placeholder stands, a shell hands the value on as it is, as one piece of its word; or it is refused."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shareout.errors import UsageError
from shareout.pool import Values
from shareout.pool.templates.template import SLOT, Template
from shareout.run.command.words import simple_of

# Every template prints the words that came out, each with a NUL behind it; what these are of a value V.
SHOW = "printf '%s\\0' "
EVERYWHERE = {
    SHOW + "{}": ["V"],
    SHOW + "'{}'": ["V"],
    SHOW + '"{}"': ["V"],
    SHOW + "a{}b 'a{}b' \"a{}b\"": ["aVb", "aVb", "aVb"],
    SHOW + "{}{} '{}{}' \"{}{}\"": ["VV", "VV", "VV"],
    SHOW + "'{'{}'}' '{{}}' \"{{}}\" {{}}": ["{V}", "{V}", "{V}", "{V}"],
    SHOW + "it\\'s{} \\\\{} \"\\\\{}\\\"\" '\\'{}": ["it'sV", "\\V", '\\V"', "\\V"],
    "x=Q; " + SHOW + "$x{} \"$x{}\" ${x}{} \"${x}{}\" '$x{}'": ["QV", "QV", "QV", "QV", "$xV"],
    "set -- 1; " + SHOW + '$1{} "$1{}" "$#{}"': ["1V", "1V", "1V"],
    SHOW + "\"a$\"{} \\${} '${}'": ["a$V", "$V", "$V"],
    SHOW + "\"$(printf '%sx' {})\" \"$(printf '%sx' '{}')\" $(true \"{}\")c": ["Vx", "Vx", "c"],
    SHOW + "\"$(printf '%s' \"$(printf '%sx' \"{}\")\")\" `true \\`true\\``{} \"`true`{}\"": ["Vx", "V", "V"],
    SHOW + "~{} x=~{} *{}/nosuch '*'{}": ["~V", "x=~V", "*V/nosuch", "*V"],
    SHOW + "{}>/dev/stdout": ["V"],
    SHOW + '"${u:-b}"{} ${u:-${w:-"q r"}}{} "${#}{}"': ["bV", "q rV", "1V"],
    SHOW + "$((1 + (2))){} \"$((1))\"'{}'": ["3V", "1V"],
    "for x in {} '{}'; do " + SHOW + '"$x"; done': ["V", "V"],
    "x={}; " + SHOW + '"$x"; y="{}" z=\'{}\'; ' + SHOW + '"$y" "$z"': ["V", "V", "V"],
    "case {} in {}) " + SHOW + "'{}';; esac": ["V"],
    "if true; then (" + SHOW + '{}); { ' + SHOW + '"{}"; }; fi # {#}': ["V", "V"],
    "cat <<'E' >/dev/null; " + SHOW + "{}\nit's {#} $(\nE\n" + SHOW + "'{}' # it's\n" + SHOW + "{}": ["V", "V", "V"],
    "sh -c '" + SHOW.replace("'", '"') + '"$1"\' sh {}': ["V"],
    SHOW + "{} '{id}{#}' \"$u{#}\" {#}{id}>/dev/stdout": ["V", "01", "1", "10"],
}  # fmt: skip
IN_BASH = {
    SHOW + "$'a{}b' $'\\x41{}\\n' $\"{}\"": ["aVb", "AV\n", "V"],
    SHOW + "{a,{}} {{},c}": ["a", "V", "V", "c"],
    "[[ {} == {} ]] && a=({} '{}') && " + SHOW + '"${a[@]}"': ["V", "V"],
    "cat <<< {} > /dev/null; " + SHOW + "<(true) {} | cat; (( 1 < 2 )) && " + SHOW + "{}": ["/dev/fd/63", "V", "V"],
}  # fmt: skip

SIGNS = "$`\"'\\!{}%()<>|&;#~*?[]=-+^@ \t\n\r\x01\x7f\x81\x82\x88éaA0:,/"
TROUBLE = st.text(st.sampled_from(SIGNS), max_size=12).map(lambda text: text.encode("utf-8", "surrogateescape"))
BYTES = st.binary(max_size=30).map(lambda value: value.replace(b"\0", b""))


def printed(shell: str, templates: dict[str, list[str]], value: bytes) -> tuple[list[bytes], list[bytes]]:
    """The words that all the templates print, run as one script; and those that they should."""
    text = value.decode("utf-8", "surrogateescape")
    values = Values(0, (text,), (text,), {})
    script = "\n".join(Template(one, None).fill(values) for one in templates)
    done = subprocess.run([shell, "-c", script.encode("utf-8", "surrogateescape")], capture_output=True, check=False)
    assert not done.stderr, done.stderr
    wanted = [word.encode().replace(b"V", value) for words in templates.values() for word in words]
    return done.stdout.split(b"\0")[:-1], wanted


@settings(max_examples=60, deadline=None)
@given(st.one_of(TROUBLE, BYTES))
@example(bytes(range(1, 256)))
@example(b"$(touch pwned)`touch pwned`")
@example(b"'; touch pwned; '")
@example(b'"; touch pwned; "')
@example(b"if")
@example(b"2")
@example(b"A=b")
@example(b"{%}")
@example(b"root")
@example(b"1..3")
@example(b"")
def test_every_value_comes_back_from_every_place(value: bytes) -> None:
    found, wanted = printed("dash", EVERYWHERE, value)
    assert found == wanted
    found, wanted = printed("bash", {**EVERYWHERE, **IN_BASH}, value)
    assert found == wanted


@settings(max_examples=120, deadline=None)
@given(
    st.one_of(TROUBLE, BYTES), st.sampled_from(["f {}", "f '{}'", 'f "{}"', "f a{}b", "f 'a{}'\"{}b\"", "f {1}-{/}"])
)
def test_a_line_without_a_shell_has_the_same_words(value: bytes, template: str) -> None:
    text = value.decode("utf-8", "surrogateescape")
    line = Template(template, None).fill(Values(0, (text,), (text,), {}))
    simple = simple_of(line)
    if simple is None or not simple.is_bare:
        return
    script = 'f() { printf "%s\\0" f "$@"; }\n' + line
    done = subprocess.run(["dash", "-c", script.encode("utf-8", "surrogateescape")], capture_output=True, check=True)
    assert [word.encode("utf-8", "surrogateescape") for word in simple.words] == done.stdout.split(b"\0")[:-1]


@settings(max_examples=120, deadline=None)
@given(
    st.text(st.sampled_from("{%}'a"), max_size=8),
    st.sampled_from(["f '{{}}'", 'f "{{}}"', "f {{}}", "f '{%{}'", "f {}}"]),
)
def test_no_value_makes_a_slot(value: str, template: str) -> None:
    assert SLOT not in Template(template, None).fill(Values(0, (value,), (value,), {}))


def test_a_row_of_several_values_is_one_piece_inside_quotes() -> None:
    values = Values(0, ("a b", "$c"), ("a b", "$c"), {})
    assert Template("f '{}' \"x{}\" {}", None).fill(values) == "f 'a b $c' \"xa b \\$c\" 'a b' '$c'"


@pytest.mark.parametrize(
    ("template", "column", "said"),
    [
        ("echo `cat {}`", 11, "in backticks"),
        ('echo "`cat {}`"', 12, "in backticks"),
        ("cat <<E\na\n {}\nE", 2, "in a here-document"),
        ("cat <<'E'\n{}\nE", 1, "in a here-document"),
        ("cat <<-E\n\tE\n\tE\necho `{}`", 7, "in backticks"),
        ("cat <<E\nE 2\n{}", 1, "in a here-document"),
        ("cat <<{}", 7, "unusual delimiter"),
        ("echo $((1 + {}))", 13, "in arithmetic"),
        ("(( {} )) && echo", 4, "in arithmetic"),
        ('echo "$(( $x + {} ))"', 16, "in arithmetic"),
        ("echo $[ {} ]", 9, "$[…]"),
        ("echo ${x:-{}}", 11, "inside ${…}"),
        ("echo \"${x:-'}'}{}\"", 16, "quotes inside a quoted ${…}"),
        ("echo \\{}", 7, "behind a backslash"),
        ('echo "\\{}"', 8, "behind a backslash"),
        ("echo ${}", 7, "behind a $"),
        ('echo "a${}"', 9, "behind a $"),
        ("echo ${%}", 7, "behind a $"),
        ("echo # {}", 8, "in a comment"),
        ("echo a;# it's {}", 15, "in a comment"),
        ("$'it\\'s' {}", 10, "a \\' in $'…'"),
        ("echo \"$(case a in a) echo '{}';; esac)\"", 28, "a case inside $(…)"),
        ("sh -c 'echo {}'", 13, "a part of code for sh -c"),
        ("nice /bin/bash -lc \"echo '{}'\"", 27, "a part of code for bash -lc"),
        ("eval echo {}", 11, "a part of code for eval"),
        ("trap 'rm {}' EXIT", 10, "a part of code for trap"),
        ("[[ {} -eq 3 ]]", 4, "evaluates it once more"),
        ("[[ 3 -lt '{}' ]]", 11, "evaluates it once more"),
        ("[[ ( {} -eq 3 ) ]]", 6, "evaluates it once more"),
        ("[[ a == a && {} -gt 3 ]]", 14, "evaluates it once more"),
        ("a=([{}]=1)", 5, "evaluates it once more"),
        ("for ((i=0;i<{};i++)); do f; done", 13, "in arithmetic"),
        ("if (( {} )); then f; fi", 7, "in arithmetic"),
        ("let x={}", 7, "evaluates it once more"),
        ("a[{}]=1", 3, "evaluates it once more"),
        ("echo # in front", 17, "in a comment"),
        ("echo it's {}", 8, "this quote is never closed"),
        ('echo "a', 6, "this quote is never closed"),
        ("echo $(ls {}", 6, "this $( is never closed"),
        ("echo `ls {}", 6, "this backtick is never closed"),
    ],
)
def test_places_where_no_quoting_is_certain_are_refused(template: str, column: int, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        Template(template, ["x"])
    told = caught.value
    assert said in told.what
    assert told.way_out
    assert told.where is not None
    assert told.where.column == column


# What a shell reads as code all the same, however it is written.
AS_CODE = r"""
bash -cx 'echo {}'
sh -c -e 'echo {}'
sh -c -- 'echo {}'
sh "-c" 'echo {}'
bash -c$'' 'echo {}'
bash $'\x2dc' 'echo {}'
bash -o posix -c 'echo {}'
bash -c -o posix 'echo {}'
bash --rcfile x -c 'echo {}'
bash -{c,x} 'echo {}'
{bash,-c,'echo {}'}
"$SHELL" -c "echo {}"
x=sh; $x -c 'echo {}'
$(which sh) -c 'echo {}'
/bin/[bd]ash -c 'echo {}'
nice "$SHELL" -c 'echo {}'
env -i b'as'h -c 'echo {}'
bash-5.2 -c 'echo {}'
\eval 'echo {}'
e"va"l 'echo {}'
$'\x65val' 'echo {}'
2>/dev/null eval 'echo {}'
eval <(true) 'echo {}'
command -p eval 'echo {}'
time -p eval 'echo {}'
command $o eval 'echo {}'
for x do eval 'echo {}'; done
function f { eval 'echo {}'; }
bash <<< 'echo {}'
<<< 'echo {}' bash
bash <(echo {})
. <(echo {})
. /dev/stdin <<< 'echo {}'
$SHELL <<< 'echo {}'
su root --command='echo {}'
su root -c'echo {}'
alias q='echo {}'
alias q='sh -c'; q 'echo {}'
PS4={}; set -x; f
SECONDS={}
printf -v{} x
printf -v {} x
printf {} x
declare {}=1
export {}
declare -n r={}; echo $r
declare -n r; r={}; echo $r
declare -i r; r={}
f() { r={}; }; declare -"i" r; f
[ {1} {2} ]
mapfile {}
""".strip().split("\n")


@pytest.mark.parametrize("template", AS_CODE)
def test_code_is_refused_however_a_shell_is_called(template: str) -> None:
    with pytest.raises(UsageError) as caught:
        Template(template, ["x"])
    told = caught.value
    assert told.where is not None
    assert template[told.where.column - 1] == "{"
    assert told.way_out


@pytest.mark.parametrize(
    "template",
    [
        "sh -c {}",
        "bash -lc '{}'",
        'eval "{}"',
        "awk '{print $1}' {}",
        "find . -name {} -exec ls \\{\\} +",
        "f ${x} ${1} {}",
        'sh -c \'cp "$1" "$2"\' sh {} {.}.out',
        "bash script.sh -c a{}b",
        "bash -e script.sh --out={}.out",
        "bash $HOME/script.sh --out={}.out",
        "sh -e $HOME/script.sh '{}.out'",
        "sh -c 'read x; echo \"$x\"' <<< {}",
        "bash script.sh <<< 'a {}'",
        "python main.py eval --file={}.x",
        "python -c 'print(1)' a{}b",
        'eval "$(conda shell.bash hook)" && python x.py --lr={}',
        "$PYTHON train.py --lr={}",
        "gcc -c {}.c -o {}.o",
        "nice -n 5 gcc -c {}.c",
        "timeout 5 prog --conf={}",
        "declare x={}; export y='{}'",
        "[ {} = a ] && test -n {}",
        "read x < {}; grep -c x a{}",
        "printf '%s: {}' x > a{}.txt 2>&1",
        "command -v python && command time -p f a{}",
    ],
)
def test_what_is_clear_is_taken(template: str) -> None:
    """A line that is handed on as code is meant as code; the shell's own braces are its own."""
    Template(template, None)


# What templates are made of, and values that would run if a shell read them as code.
PIECES = """' " \\ ` $( ) ${x:- } {} {} {} # (( )) ; $' \\' a $ <<< && [[ ]] echo ( | $(( $x = a[ ] ! ~ * >&2 x= if
            then fi ${#x} ${x% "$( $" <( -eq =~ {a, let for""".split()  # noqa: SIM905
PIECES += [
    "sh ",
    "bash -cx ",
    "-c ",
    '"-c" ',
    "$'' ",
    "-e ",
    "eval x",
    "\\eval x",
    "command -p ",
    "time -p ",
    "env ",
    "x=sh; $x ",
    '"$SHELL" ',
    ". /dev/stdin ",
    "alias q=",
    "\nq\n",
    "declare ",
    "-n r=",
    "-i r=",
    "; r=",
    "printf -v",
    "2>&1 ",
    " ",
    " ",
    " ",
    "\n",
    "<<E\n",
    "<<-'E'\n\t",
    "\nE\n",
    "case a in a)",
    ";;esac ",
    "for i in ",
    "; do ",
    "; done",
    "echo ",
]
# A line that is the code, as a whole.
MEANT = re.compile(r"""c["']?\s.*?(?<!\S)["']?\{\}["']?(?!\S)""", re.DOTALL)
RUN = "echo R$((1+1))N"
HARMFUL = [f"$({RUN})", f"`{RUN}`", f"';{RUN};'", f'";{RUN};"', f"\n{RUN}\n", f"E\n{RUN}\n", f"a[$({RUN} >&2)]"]
HARMFUL += ["\\", f"}}\n{RUN};"]


def test_no_template_that_is_taken_lets_a_shell_run_a_value(tmp_path: Path) -> None:
    """Templates at random: most of them are nonsense, and are refused or run by the shell as such."""
    random, taken = Random(0), 0
    while taken < 60:
        text = "".join(random.choice(PIECES) for _ in range(random.randint(1, 11))) + "{}"
        try:
            template = Template(text, None)
        except UsageError:
            continue
        if MEANT.search(text):
            continue
        taken += 1
        value = random.choice(HARMFUL)
        script = template.fill(Values(0, (value,), (value,), {}))
        for shell in ("dash", "bash"):
            call = [shell, "-c", script]
            done = subprocess.run(
                call, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False
            )
            assert b"R2N" not in done.stdout + done.stderr, (text, script)
