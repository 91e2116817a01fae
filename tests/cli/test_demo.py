from __future__ import annotations

import msclr
from msclr.demo import lines
from msclr.samples import sample_paths


def test_demo_compares_four_conventions(model_folder):
    said = list(lines(msclr.load_pretrained(model_folder)))
    assert len({msclr.read(path).skeleton.id for path in sample_paths().values()}) >= 4
    for name in sample_paths():
        assert sum(name in line for line in said) >= 2
    matrix = [line.split() for line in said[said.index("", 1) + 3 :][: len(sample_paths())]]
    numbers = [[float(value) for value in row[1:]] for row in matrix]
    assert [numbers[place][place] for place in range(len(numbers))] == [1.0] * len(numbers)
    assert numbers == [list(column) for column in zip(*numbers, strict=True)]


def test_demo_of_the_bundled_model_needs_no_network(run, monkeypatch):
    import socket

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    outcome = run("demo")
    assert (outcome.code, outcome.err) == (0, "")
    assert "Cosine similarity" in outcome.out
