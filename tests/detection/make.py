#!/usr/bin/env python3
"""Generates safe-harbor.jsonl for `masker eval` from the human-readable safe-harbor.txt. Offsets count characters."""
import json
import pathlib
import re

here = pathlib.Path(__file__).parent
style, records = "written", []
for line in (here / "safe-harbor.txt").read_text(encoding="utf-8").splitlines():
    if line.startswith("= "):
        style = line[2:]
    if not line or line.startswith(("#", "= ")):
        continue
    *before, said = line.split(" || ")
    turns = [turn.partition(": ") for turn in before]
    text, entities = "", []
    for part in re.split(r"(\[[A-Z_]+:[^\]]*\])", said):
        mark = re.fullmatch(r"\[([A-Z_]+):([^\]]*)\]", part)
        if mark:
            entities.append({"start": len(text), "end": len(text) + len(mark[2]), "kind": mark[1], "text": mark[2]})
        text += mark[2] if mark else part
    number = len(records)
    call = f"call-{number}"
    for turn, (speaker, _, words) in enumerate(turns):
        records.append({"id": f"{number}.{turn}", "source": "masker", "license": "Apache-2.0", "style": style, "text": words, "entities": [], "optional": [],
                        "meta": {"dialogue": call, "turn": turn, "speaker": speaker}})
    meta = {"dialogue": call, "turn": len(turns), "speaker": "user"} if turns else {}
    records.append({"id": str(number), "source": "masker", "license": "Apache-2.0", "style": style, "text": text, "entities": entities, "optional": [], "meta": meta})
lines = (json.dumps(record, ensure_ascii=False) for record in records)
(here / "safe-harbor.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
