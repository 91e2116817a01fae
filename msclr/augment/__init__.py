"""Variations of poses for training, in batches on the device, with explicit generators."""

from msclr.augment.blur import GaussianBlur
from msclr.augment.clips import Clips, pack
from msclr.augment.joints import Flip, JointJitter
from msclr.augment.pipeline import Augmentation, Compose, OneOf, Sometimes
from msclr.augment.recipes import Recipe, build_steps, recipe, recipes
from msclr.augment.skelemix import MixedClips, SkeleMix, body_parts
from msclr.augment.spatial import AxisMask, GaussianNoise, Rotation, Shear
from msclr.augment.temporal import CropResize, MirrorCrop, TimeReversal

__all__ = [
    "Augmentation",
    "AxisMask",
    "Clips",
    "Compose",
    "CropResize",
    "Flip",
    "GaussianBlur",
    "GaussianNoise",
    "JointJitter",
    "MirrorCrop",
    "MixedClips",
    "OneOf",
    "Recipe",
    "Rotation",
    "Shear",
    "SkeleMix",
    "Sometimes",
    "TimeReversal",
    "body_parts",
    "build_steps",
    "pack",
    "recipe",
    "recipes",
]
