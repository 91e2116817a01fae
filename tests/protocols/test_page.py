from __future__ import annotations

import re

from child import ROOT

from msclr.protocols.ntu_splits import SPLITS, TRAIN_PERFORMERS_60, TRAIN_PERFORMERS_120
from msclr.protocols.prepare import prepare_ntu, prepare_pku

PAGE = (ROOT / "docs" / "protocols.md").read_text("utf-8")


def test_the_page_names_every_split():
    assert re.findall(r"^\| `(ntu\w+)` \|", PAGE, flags=re.MULTILINE) == list(SPLITS)
    assert f"the {len(TRAIN_PERFORMERS_60)} subjects" in PAGE
    assert f"the {len(TRAIN_PERFORMERS_120)} subjects" in PAGE


def test_the_calls_on_the_page_have_arguments_that_exist():
    block = re.search(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)[1]
    compile(block, "protocols.md", "exec")
    for function in (prepare_ntu, prepare_pku):
        call = re.search(rf"{function.__name__}\((.*)\)", block)[1]
        for name in re.findall(r"(\w+)=", call):
            assert name in function.__kwdefaults__ or name in function.__annotations__
