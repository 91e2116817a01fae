"""The papers' claims, tested on real recordings: encoders are pretrained side by side, then judged frozen.

    export MSCLR_DATA=... OMP_NUM_THREADS=1 PYTHONPATH=tests/benchmarks
    python -m claims plan                  # what would be trained, on how many clips, for how long
    python -m claims run -o FOLDER         # train and judge; killed and started again, it goes on
    python -m claims page -o FOLDER        # docs/runs/claims.json, docs/runs/claims.md, docs/images/claims.png

`arms` says what is trained and what is compared, `clips` on what and by what it is judged, `training` and `judging`
make one model and one cell, `running` does all of them, `results` and `page` put numbers side by side.
"""
