"""What weights are worth: any models beside the same networks with random weights and raw poses, in five ways.

    export MSCLR_DATA=... OMP_NUM_THREADS=1 PYTHONPATH=tests/benchmarks
    python -m weights run MODEL [MODEL...] -o FOLDER    # killed and started again, it goes on
    python -m weights page -o FOLDER                    # docs/weights.md, docs/runs/weights.json, pictures

`sets` has the clips and the views of them, `entrants` who competes; `matrix`, `crossing`, `transfer`, `robustness`,
`units` and `subjects` are what they are put to, `pieces` lists it, `cells` keeps what came out; `results`, `tables`,
`pictures` and `page` make the page of it.
"""
