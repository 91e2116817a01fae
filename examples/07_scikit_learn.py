"""Files to classes in one scikit-learn pipeline: cross-validated, searched through, pickled like any other.

Run: python examples/07_scikit_learn.py     (needs the extra "evaluate")
"""

from __future__ import annotations

import tempfile

from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from msclr.embed.estimator import PoseEmbedder
from msclr.evaluate.data import sample_clips

# A clip may be a recording, as here, the path of a file, or an array with PoseEmbedder(skeleton="coco_17"), say.
data = sample_clips()
sides = data.sides()
train, test = ([data.clips[name] for name in names] for names in (sides.train, sides.test))
train_labels, test_labels = ([data.label_of[name] for name in names] for names in (sides.train, sides.test))

# With a memory clips are embedded once for all candidates of the search.
with tempfile.TemporaryDirectory() as memory:
    model = make_pipeline(PoseEmbedder("msclr-base"), KNeighborsClassifier(), memory=memory)
    search = GridSearchCV(model, {"kneighborsclassifier__n_neighbors": [1, 3]}, cv=2).fit(train, train_labels)
    print(f"best of the search: {search.best_params_}, {search.best_score_:.1%} of the training clips")
    print(f"other sensors: {search.score(test, test_labels):.1%} of {len(test)} clips")
