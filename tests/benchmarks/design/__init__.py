"""What the bundled models' design rests on: one change at a time, and data sets that a model has never met.

    export MSCLR_DATA=...
    PYTHONPATH=tests/benchmarks python -m design plan
    PYTHONPATH=tests/benchmarks python -m design run -o design      # may be stopped, and run several times at once
    PYTHONPATH=tests/benchmarks python -m design page -o design     # writes docs/design.md between its marks

Every model is trained by the recipe `msclr-research` with a few fields changed, for the same number of updates, and
judged by `msclr.evaluate.suite`. Accuracy is read on the data sets that a model was not trained on.
"""
