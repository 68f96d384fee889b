"""Makes world_names.txt and english_words.txt.gz from two packages; run it only to make them anew.

    pip download --no-deps faker==40.63.0 && unzip -d faker faker-*.whl        # MIT
    apt-get download scowl && dpkg -x scowl_2020.12.07-2_all.deb scowl         # SCOWL's licence, see ../../NOTICE
    python3 extract.py faker scowl/usr/share/dict/scowl

world_names.txt: given and family names of the locales of Faker that are written in Latin letters, one word each.
english_words.txt.gz: SCOWL's English and American words up to level 50 with the level at which each comes in.
"""

import gzip
import importlib
import pathlib
import re
import sys

MOST = 900
LEVELS = (10, 20, 35, 40, 50)
COMMON_AT = 20


def names_of(values):
    for value in values:
        if isinstance(value, (tuple, list)):
            yield from names_of(value)
        elif isinstance(value, str) and re.fullmatch(r"[A-Za-zÀ-ɏḀ-ỿ][A-Za-zÀ-ɏḀ-ỿ'’-]+", value):
            yield value.lower()


def thinned(names):
    names = sorted(names)
    step = max(1.0, len(names) / MOST)
    return [names[int(at * step)] for at in range(min(len(names), MOST))]


def world_names(faker, ordinary):
    sys.path.insert(0, str(faker))
    lines = ["# Given | family names by locale, from Faker (MIT licence), made by extract.py."]
    for folder in sorted((faker / "faker/providers/person").iterdir()):
        if not folder.is_dir() or folder.name.startswith("_"):
            continue
        provider = importlib.import_module(f"faker.providers.person.{folder.name}").Provider
        given, family = set(), set()
        for name in dir(provider):
            values = getattr(provider, name)
            if "format" in name or not isinstance(values, (tuple, list, dict)):
                continue
            if "first" in name and "name" in name:
                given.update(names_of(values))
            elif "last" in name and "name" in name:
                family.update(names_of(values))
        given, family = given - ordinary, family - ordinary
        if len(given) >= 15 and len(family) >= 10:
            lines.append(f"{folder.name}: {' '.join(thinned(given))} | {' '.join(thinned(family))}")
    return lines


def english_words(scowl):
    levels = {}
    for level in LEVELS:
        for region in ("english", "american"):
            for word in (scowl / f"{region}-words.{level}").read_text("latin-1").split():
                if "'" not in word and len(word) > 1:
                    levels.setdefault(word, level)
    return levels


def main():
    faker, scowl = map(pathlib.Path, sys.argv[1:])
    words = english_words(scowl)
    ordinary = {word for word, level in words.items() if level <= COMMON_AT}
    here = pathlib.Path(__file__).parent
    (here / "world_names.txt").write_text("\n".join(world_names(faker, ordinary)) + "\n", "utf-8")
    listed = "".join(f"{level} {word}\n" for word, level in sorted(words.items()))
    with gzip.GzipFile(here / "english_words.txt.gz", "wb", mtime=0) as out:
        out.write(listed.encode())


main()
