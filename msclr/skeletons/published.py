"""The skeleton graphs of the published MS-CLR, AimCLR and CrosSCLR weights, with the defects those were trained with.

New models take their graph from the convention itself (`msclr.skeletons.graph`). Old weights fit these only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from msclr.errors import UnknownSkeletonError
from msclr.skeletons import graph

# Joints of the lists below count from 1, "a>b" is a bone from a to its parent b, as they were published.
_KINECT_BONES = (
    "1>2 2>21 3>21 4>3 5>21 6>5 7>6 8>7 9>21 10>9 11>10 12>11 13>1 14>13 15>14 16>15 17>1 18>17 19>18 20>19 "
    "22>23 23>8 24>25 25>12"
)
_SMPL_BODY = (
    "pelv lhip rhip bell lkne rkne spin lank rank thor ltoe rtoe neck lcla rcla head lsho rsho lelb relb lwri rwri"
)


@dataclass(frozen=True)
class PublishedGraph:
    """The graph of one published format; joints count from 0.

    Attributes:
        name: The name in the published configurations, for example "ntu-rgb+d".
        skeleton: Id of the registered convention with the same joints in the same order.
        joints: Joint names of the producer.
        edges: Bones as (child, parent).
        center: The joint that "spatial" measures distances from.
        bones: (joint, origin) of the bone stream, in the published order: a later entry of a joint replaces an earlier
            one, and joints without an entry stay 0.
        flip: For each joint the one that the published left-right flip puts there.
        defects: What a correct graph would have otherwise.
    """

    name: str
    skeleton: str
    joints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    center: int
    bones: tuple[tuple[int, int], ...]
    flip: tuple[int, ...]
    defects: tuple[str, ...] = field(default=())

    @property
    def num_joints(self) -> int:
        """Number of joints."""
        return len(self.joints)

    def adjacency(self, partition: graph.Partition = "spatial") -> graph.FloatArray:
        """Return the published adjacency, float32 [3, v, w]; see `msclr.skeletons.graph.adjacency`."""
        return graph.adjacency(self.edges, self.num_joints, partition=partition, center=self.center)


def published_graph(name: str) -> PublishedGraph:
    """Look up the graph that published weights of a format were trained with.

    Args:
        name: "ntu-rgb+d", "smpl_24", "smplx_42" or "berkeley_mhad_43", or the id of the same registered convention.

    Raises:
        UnknownSkeletonError: For any other name.

    Example:
        >>> kinect = published_graph("ntu-rgb+d")
        >>> kinect.center, kinect.edges[:2]
        (20, ((0, 1), (1, 20)))
        >>> [int(count) for count in (kinect.adjacency() > 0).sum(axis=(1, 2))]
        [25, 40, 8]

    Source:
        Yan et al. 2018 (ST-GCN) for the Kinect; the MS-CLR code for the others.
    """
    for found in published_graphs():
        if name in (found.name, found.skeleton):
            return found
    raise UnknownSkeletonError(
        f"no published graph is called {name!r}",
        expected="one of " + ", ".join(found.name for found in published_graphs()),
        remedy="msclr.skeletons.graph.adjacency(spec) for any other convention",
    )


@cache
def published_graphs() -> tuple[PublishedGraph, ...]:
    """Return all published graphs, in the published order of formats.

    Example:
        >>> [found.num_joints for found in published_graphs()]
        [25, 24, 42, 43]
    """
    return _kinect(), _smpl(), _smplx(), _berkeley_mhad()


def _kinect() -> PublishedGraph:
    edges = _bones(_KINECT_BONES)
    return PublishedGraph(
        name="ntu-rgb+d",
        skeleton="kinect_v2_25",
        joints=_words(
            "SpineBase SpineMid Neck Head ShoulderLeft ElbowLeft WristLeft HandLeft ShoulderRight ElbowRight "
            "WristRight HandRight HipLeft KneeLeft AnkleLeft FootLeft HipRight KneeRight AnkleRight FootRight "
            "SpineShoulder HandTipLeft ThumbLeft HandTipRight ThumbRight"
        ),
        edges=edges,
        center=20,
        bones=(*edges, (20, 20)),
        flip=_numbers("0-3 8-11 4-7 16-19 12-15 20 23-24 21-22"),
        defects=("the hand tips hang on the thumbs",),
    )


def _smpl() -> PublishedGraph:
    edges = _bones(
        "1>4 4>7 7>10 13>10 16>13 2>1 5>2 8>5 11>8 3>1 6>3 9>6 12>9 14>10 17>14 19>17 21>19 23>21 15>10 18>15 20>18 "
        "22>20 24>22"
    )
    return PublishedGraph(
        name="smpl_24",
        skeleton="smpl_24",
        joints=(*_words(_SMPL_BODY), "lhan", "rhan"),
        edges=edges,
        center=9,
        bones=edges,
        flip=_numbers("0 2 1 3 5 4 6 8 7 9 11 10 12 14 13 15 17 16 19 18 21 20 22 23"),
        defects=("the flip leaves the hands (22, 23) where they are",),
    )


def _smplx() -> PublishedGraph:
    edges = _bones(
        "7>10 4>7 1>4 2>1 5>2 8>5 35>8 11>8 33>11 34>11 3>1 6>3 9>6 38>9 12>9 36>12 37>12 14>10 17>14 19>17 21>19 "
        "26>21 39>21 40>21 15>10 18>15 20>18 22>20 27>22 41>22 42>22 13>10 23>13 16>23 28>16 30>28 32>30 29>28 31>29"
    )
    return PublishedGraph(
        name="smplx_42",
        skeleton="metrabs_smplx_42",
        joints=(
            *_words(_SMPL_BODY),
            *_words("jaw leyehf reyehf lmiddle1 rmiddle1 nose reye leye rear lear lto2 lto3 lhee rto2 rto3 rhee"),
            *_words("lthu lmiddle rthu rmiddle"),
        ),
        edges=edges,
        center=9,
        bones=edges,
        flip=_numbers(
            "0 2 1 3 5 4 6 8 7 9 11 10 12 14 13 15 17 16 19 18 21 20 22 24 23 26 25 27 29 28 31 30 35-37 32-34 40-41 "
            "38-39"
        ),
        defects=("the eyes (23, 24) belong to no bone",),
    )


def _berkeley_mhad() -> PublishedGraph:
    edges = _bones(
        "1>2 1>3 4>5 4>36 5>6 5>7 7>28 8>9 8>29 9>10 9>11 11>37 12>13 12>20 13>14 14>15 15>16 16>17 16>18 16>19 20>21 "
        "21>22 22>23 23>24 24>25 24>26 24>27 28>30 28>36 29>30 29>31 31>32 32>33 33>34 34>35 36>38 37>38 37>39 39>40 "
        "40>41 41>42 42>43"
    )
    return PublishedGraph(
        name="berkeley_mhad_43",
        skeleton="metrabs_berkeley_mhad_43",
        joints=_words(
            "head lhead rhead rback backl backt lback lside bell chest rside lsho1 lsho2 larm lelb lwri lhan1 lhan2 "
            "lhan3 rsho1 rsho2 rarm relb rwri rhan1 rhan2 rhan3 lhipb lhipf lhipl lleg lkne lank lhee lfoo rhipb rhipf "
            "rhipl rleg rkne rank rhee rfoo"
        ),
        edges=edges,
        center=8,
        bones=edges,
        flip=_numbers("0 2 1 6 4 5 3 10 8 9 7 19-26 11-18 35-42 27-34"),
        defects=(
            "three components: head 0-2, arms 11-26, and the rest",
            "the bones are no tree: some joints have several, some have none",
        ),
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _bones(text: str) -> tuple[tuple[int, int], ...]:
    pairs = (bone.split(">") for bone in text.split())
    return tuple((int(child) - 1, int(parent) - 1) for child, parent in pairs)


def _numbers(text: str) -> tuple[int, ...]:
    """Read "0 2-4" as (0, 2, 3, 4)."""
    ranges = (item.split("-") for item in text.split())
    return tuple(number for ends in ranges for number in range(int(ends[0]), int(ends[-1]) + 1))
