from __future__ import annotations

import pytest
import torch
from training_runs import universal_run

from msclr.train.universal import Universal


@pytest.mark.parametrize(("labels", "contrast"), [(0.5, 1.0), (2.0, 0.0), (0.0, 1.0)])
def test_the_loss_is_the_weighted_sum_of_both_terms(training_folder, labels, contrast):
    config = universal_run(
        loss={"queue_size": 32, "projection": 8, "label_weight": labels, "contrast_weight": contrast}
    )
    method = Universal(config, training_folder)
    outcome = method.loss(next(iter(method.batches(torch.device("cpu")))), 0)
    expected = labels * outcome.terms["labels"] + contrast * outcome.terms["info_nce"]
    assert outcome.total.item() == pytest.approx(expected.item(), rel=1e-6)
