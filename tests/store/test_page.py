"""What docs/store.md says is so."""

from __future__ import annotations

import re

from child import ROOT, python

from msclr.store.layout import CONTENT, RECORD

TEXT = (ROOT / "docs" / "store.md").read_text("utf-8")


def test_the_examples_run():
    first, *others = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    block = "\n".join((first, "print(batch.num_clips, batch.positions.shape[1])", *others))
    outcome = python("-W", "error", "-c", block)
    assert outcome.returncode == 0, outcome.stderr
    packed, table, loaded = outcome.stdout.splitlines()
    assert packed == "256 64"
    assert table == "1 [('dataset, row 0', 'done'), ('dataset, row 1', 'failed')]"
    assert loaded == "4 clips; [] left out"


def test_the_records_are_laid_out_as_the_page_says():
    rows = re.findall(r"^\| (\d+)-(\d+) \| (\w+) \|", TEXT, flags=re.MULTILINE)
    assert RECORD.names is not None
    assert len(rows) == len(RECORD.names)
    for name, (first, last, kind) in zip(RECORD.names, rows, strict=True):
        dtype, offset = RECORD.fields[name][:2]
        assert (int(first), int(last)) == (offset, offset + dtype.itemsize - 1)
        assert dtype.name == kind
        assert dtype.newbyteorder("<") == dtype


def test_every_file_is_named():
    assert all(f"| `{name}` |" in TEXT for name in (*CONTENT, "store.json"))
