"""Holds the documents against the program: every command line in them is one that it takes, and the page of all
commands is what `--help` says.

    MASKER=target/debug/masker python3 tests/docs/commands.py [--write]

A command line is checked by the program itself, with `--help` at its end: it then names an unknown command, option or
value, and runs nothing. `--write` regenerates docs/reference/commands.md.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/commands.md"
MASKER = (ROOT / os.environ.get("MASKER", "target/debug/masker")).resolve()
PROGRAMS = {"masker": MASKER, "masker-voice": MASKER.with_name("masker-voice")}
HEAD = """# Every command

Written by `tests/docs/commands.py --write` from the `--help` of the programs;
[The command line](../cli.md) explains them. Options that every command has are listed once, at the top.
"""
ENDS = {"|", "||", "&&", ";", ">", "<", "2>", "&", "...", "…"}


def main():
    page = HEAD + "".join(section(program, []) for program in PROGRAMS)
    if "--write" in sys.argv:
        PAGE.write_text(page)
    if PAGE.read_text() != page:
        sys.exit("FAILED: docs/reference/commands.md is not current: run tests/docs/commands.py --write")
    print("ok  the page of commands is what --help says")
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/*/README.md")]
    lines = [(path, line) for path in documents if path != PAGE for line in command_lines(path.read_text())]
    if len(lines) < 60:
        sys.exit(f"only {len(lines)} command lines: are they still found?")
    wrong = [complaint for path, line in lines if (complaint := check(path, line))]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"ok  {len(lines)} command lines are taken by the program")


def help_of(program, command):
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "100"}
    run = subprocess.run([PROGRAMS[program], *command, "--help"], env=environment, capture_output=True, text=True)
    return run.stdout if run.returncode == 0 else sys.exit(run.stderr)


def section(program, command):
    """A command's section of the page, and those of its subcommands."""
    text = help_of(program, command)
    name = " ".join([program, *command])
    own = text if not command else without_common(text, help_of(program, []))
    blocks = "\n".join(line.rstrip() for line in own.strip().splitlines())
    parts = [f"\n{'#' * min(2 + len(command), 4)} {name}\n\n```text\n{blocks}\n```\n"]
    listed = re.search(r"^Commands:\n((?:  .*\n|\n)+)", text, re.MULTILINE)
    below = re.findall(r"^  ([a-z][a-z-]*)", listed[1], re.MULTILINE) if listed else []
    parts += [section(program, [*command, child]) for child in below if child != "help"]
    return "".join(parts)


def without_common(text, top):
    """The help without the global options."""
    options = lambda help: re.split(r"(?m)^(?=      --|  -[a-zA-Z])", help.partition("Options:\n")[2])
    common = {option.strip() for option in options(top)}
    head, _, _ = text.partition("Options:\n")
    own = [option for option in options(text) if option.strip() and option.strip() not in common]
    return head + ("Options:\n" + "".join(own) if own else "")


def command_lines(document):
    """Commands of ours in blocks of code, and in backquotes."""
    blocks = re.findall(r"^ *```(?:sh|console)[^\n]*\n(.*?)^ *```$", document, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^    \$? ?(masker(?:-voice)? .*)$", document, re.MULTILINE)
    prose = re.sub(r"^ *```.*?^ *```$", "", document, flags=re.MULTILINE | re.DOTALL)
    quoted = re.findall(r"`(masker(?:-voice)? [^`]+)`", prose.replace("\n", " "))
    for line in [*"\n".join(blocks).replace("\\\n", " ").splitlines(), *indented, *quoted]:
        for found in re.finditer(r"(?<![\w./-])(?:target/release/)?(masker(?:-voice)?) (?=[a-z]|--)(.*)", line):
            yield f"{found[1]} {found[2]}"


def check(path, line):
    """The program's error for a command line, if any."""
    try:
        words = first_command(line)
    except ValueError as error:
        return f"{path.relative_to(ROOT)}: {line}: {error}"
    run = subprocess.run([PROGRAMS[words[0]], *words[1:], "--help"], capture_output=True, text=True)
    return None if run.returncode == 0 else f"{path.relative_to(ROOT)}: {line}\n{run.stderr.strip()}\n"


def first_command(line):
    """The words of the first command of a line."""
    words = []
    for word in shlex.split(line, comments=True):
        if word in ENDS:
            break
        words.append(word.rstrip(");"))
        if word.endswith((")", ";")):
            break
    # `masker policy show|diff` names several; the first is checked.
    return [word.split("|")[0] for word in words if word]


main()
