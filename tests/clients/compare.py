"""Compares a program's results through Masker with those directly from the model: every scenario must be equal.

Usage: compare.py LIBRARY STRAIGHT MASKED. Both files are what a program of `with_*` printed.
"""

import json
import sys

# Of a problem, in characters: some libraries put whole answers into their errors.
LONGEST = 500


def main():
    library, *paths = sys.argv[1:]
    straight, masked = (load(path) for path in paths)
    problems = {name: problem(straight.get(name), masked.get(name)) for name in {**straight, **masked}}
    for name, found in problems.items():
        print(f"FAILED  {library}: {name}: {one_line(found)}" if found else f"ok      {library}: {name}")
    if not problems:
        print(f"FAILED  {library}: it printed nothing")
    sys.exit(1 if any(problems.values()) or not problems else 0)


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except ValueError:
        return {}


def problem(straight, masked):
    for way, result in (("straight from the model", straight), ("through Masker", masked)):
        if result is None:
            return f"it did not end {way}"
        if "error" in result:
            return f"{way} it got {result['error']}"
    return "; ".join(differences("", straight["got"], masked["got"]))


def differences(path, straight, masked):
    if type(straight) is not type(masked) or not isinstance(straight, (dict, list)):
        same = type(straight) is type(masked) and straight == masked
        return [] if same else [f"{path or 'it'} is {masked!r} instead of {straight!r}"]
    if isinstance(straight, list):
        if len(straight) != len(masked):
            return [f"{path} is {masked!r} instead of {straight!r}"]
        straight, masked = dict(enumerate(straight)), dict(enumerate(masked))
    names = {**straight, **masked}
    return [one for name in names for one in differences(f"{path}/{name}", straight.get(name), masked.get(name))]


def one_line(text):
    return " ".join(text.split())[:LONGEST]


main()
