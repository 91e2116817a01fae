"""Linear evaluation: how well a straight line through the vectors separates classes."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from msclr.errors import MissingExtraError
from msclr.evaluate.knn import Accuracy, Labels, Task, check_task
from msclr.neighbours import Vectors

MAXIMUM_STEPS = 1000
# With more than one class for two vectors scikit-learn guesses that the codes are measured values. They are classes.
GUESS = "The number of unique classes is greater than 50%"


def linear_accuracy(
    train: Vectors, train_labels: Labels, test: Vectors, test_labels: Labels, *, regularisation: float = 1.0
) -> Accuracy:
    """Train logistic regression on frozen vectors and test it; needs scikit-learn.

    Each dimension is shifted and scaled by the mean and deviation of the training vectors first.

    Args:
        train: [n, dim] vectors.
        train_labels: n labels, text or numbers.
        test: [m, dim] vectors.
        test_labels: m labels.
        regularisation: Weight of the L2 penalty, relative to the sum of losses of all training vectors.

    Returns:
        The accuracy; its `value` is the share.

    Raises:
        PoseError: If labels and vectors do not match, or the training vectors are all of one class.
        MissingExtraError: If scikit-learn is not installed.

    Example:
        >>> import torch
        >>> points = torch.tensor([[0.0, 1.0], [0.1, 0.9], [1.0, 0.0], [0.9, 0.2]])
        >>> linear_accuracy(points, ["up", "up", "right", "right"], points[:1] + 0.1, ["up"]).value
        1.0
    """
    task = check_task(train, train_labels, test, test_labels)
    return task.accuracy(classify(task, regularisation))


def classify(task: Task, regularisation: float = 1.0) -> Tensor:
    """Return the class number [m] that logistic regression gives each test vector."""
    weight, bias, mean = logistic_weights(task.train, task.train_codes, regularisation)
    return ((task.test.double() - mean) @ weight.T + bias).argmax(dim=1)


def logistic_weights(train: Tensor, codes: Tensor, regularisation: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Fit logistic regression to frozen vectors; needs scikit-learn.

    Args:
        train: [n, dim] vectors.
        codes: [n] class numbers, from 0, none left out, two or more.
        regularisation: Weight of the L2 penalty, relative to the sum of losses; on standardised dimensions.

    Returns:
        Weight [classes, dim], bias [classes] and mean [dim] in float64: logits are (vector - mean) @ weight.T + bias.

    Raises:
        MissingExtraError: If scikit-learn is not installed.

    Example:
        >>> import torch
        >>> weight, bias, mean = logistic_weights(torch.tensor([[5.0], [7.0]]), torch.tensor([0, 1]))
        >>> ((torch.tensor([[5.5], [6.5]]) - mean) @ weight.T + bias).argmax(dim=1).tolist()
        [0, 1]
    """
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler
    except ImportError:
        raise MissingExtraError(
            "linear evaluation needs scikit-learn, which is not installed", remedy='pip install "msclr[evaluate]"'
        ) from None
    known = train.double().numpy()
    scaler = StandardScaler().fit(known)
    known = scaler.transform(known)
    axes = np.eye(known.shape[1])
    if known.shape[0] < known.shape[1]:
        # The best weights lie in the space the training vectors span: the same answer from fewer dimensions.
        axes = np.linalg.svd(known, full_matrices=False)[2].T
        known = known @ axes
    model = LogisticRegression(C=1 / regularisation, max_iter=MAXIMUM_STEPS)
    with warnings.catch_warnings():
        # Separable classes: the optimum is far away, but the labels it gives have long settled.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", GUESS, UserWarning)
        model.fit(known, codes.numpy())
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:  # two classes: scikit-learn has one row, the log odds of the second
        weight, bias = np.concatenate((-weight, weight)) / 2, np.concatenate((-bias, bias)) / 2
    weight = weight @ axes.T / scaler.scale_
    return torch.from_numpy(weight), torch.from_numpy(bias), torch.from_numpy(scaler.mean_)
