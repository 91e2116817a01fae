"""What tells encoders apart whose vectors must not be compared."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from msclr.models.base import PoseEncoder
from msclr.models.config import EncoderConfig


def fingerprint(encoder: PoseEncoder) -> str:
    """Return a sha256 of what decides an encoder's vectors: equal if and only if they may be compared.

    Of the universal encoder these are the weights, as in files of vectors that exist; of the others also the settings
    that the weights do not show, such as the stream.
    """
    digest = hashlib.sha256()
    if not isinstance(encoder.config, EncoderConfig):
        settings = encoder.config.model_dump(mode="json", exclude_defaults=True)
        digest.update(json.dumps(settings, sort_keys=True).encode())
    for name, tensor in sorted(encoder.state_dict().items()):
        values = np.ascontiguousarray(tensor.detach().float().cpu().numpy())
        digest.update(f"{name} {values.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
