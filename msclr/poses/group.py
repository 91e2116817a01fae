"""PoseGroup: the persons of one convention within a batch, and where they are in it."""

from __future__ import annotations

from dataclasses import dataclass

from msclr.skeletons.spec import SkeletonSpec


@dataclass(frozen=True)
class PoseGroup:
    """The persons of one convention within a batch: rows `start` to `start + persons * joints` of the packed axis.

    Args:
        skeleton: The convention.
        start: The first row.
        persons: How many persons there are.
        first_person: The first of them on the person axis.

    Example:
        >>> from msclr import get_skeleton
        >>> group = PoseGroup(get_skeleton("coco_17"), start=25, persons=2, first_person=1)
        >>> group.rows, group.members
        (slice(25, 59, None), slice(1, 3, None))
    """

    skeleton: SkeletonSpec
    start: int
    persons: int
    first_person: int

    @property
    def rows(self) -> slice:
        """Rows of the group on the packed axis, persons one after the other, joints within."""
        return slice(self.start, self.start + self.persons * self.skeleton.num_joints)

    @property
    def members(self) -> slice:
        """Persons of the group on the person axis."""
        return slice(self.first_person, self.first_person + self.persons)
