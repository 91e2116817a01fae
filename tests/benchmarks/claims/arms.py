"""What is trained, and what is compared with what.

MS-CLR is tried on the objective of SkeletonCLR, not on AimCLR's as published: AimCLR embeds three views for an update
instead of one and so would be trained a third as long in the same time, and the multi-skeleton scheme, which is what
the claims are about, is the same: query and key of a clip in conventions drawn for it.

Arms of a comparison differ in what is compared only. Trunk, clips, number of updates, clips of an update, augmentations
and schedule are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

RECORDED, DERIVED = "recorded", "derived"
KINECT, CENTRES, MARKERS = "uiprmd_kinect", "uiprmd_centres", "uiprmd_markers"
NTU, SMPLX, MHAD = "kinect_v2_25", "metrabs_smplx_42", "metrabs_berkeley_mhad_43"

SEEDS = (0, 1, 2)
FRAMES, BATCH = 16, 48
WIDTH, DIM = 8, 128  # half of MS-CLR's published 16 and 256
RATE, GRU_RATE = 0.015, 6e-4  # found to learn in a short run, see docs/methods.md
WARM_UP, DECAY = 30, 0.25  # updates of warm-up, share of the updates in which the rate falls to 0


@dataclass(frozen=True)
class Arm:
    """One way to pretrain.

    Args:
        name: Its name.
        data: "recorded": UI-PRMD, subjects 1 to 8, each format from its own sensor. "derived": windows of CMU, each
            format converted from the recorded joints.
        formats: Ids of the joint conventions that are trained on.
        updates: 0 for random weights.
        recipe, changes: The run, as `msclr pretrain --recipe ... --set ...` takes it.
        same: Query and key are of one format always, drawn for each clip: several formats without contrast between.
        intra: Inter-skeleton contrast's networks each learn by themselves.
        seconds: Processor seconds of an update, as measured, for the plan.
    """

    name: str
    data: Literal["recorded", "derived"]
    formats: tuple[str, ...]
    updates: int
    recipe: str = "skeletonclr"
    changes: tuple[str, ...] = ()
    same: bool = False
    intra: bool = False
    seconds: float = 0.0

    @property
    def clips_seen(self) -> int:
        """Clips seen in training, each time that one is."""
        return self.updates * BATCH

    def settings(self) -> list[str]:
        """Return what the run changes of its recipe."""
        entries = ", ".join(f'{{"skeleton": "{each}", "file": "{each}.npz"}}' for each in self.formats)
        frames = 2 * FRAMES if self.recipe == "isc" else FRAMES  # its crops are resized to FRAMES
        shared = (
            f"clips.formats=[{entries}]",
            "clips.persons=1",
            "clips.split=null",
            "clips.preparation=common",
            f"clips.frames={frames}",
            f"schedule.batch_size={BATCH}",
            f"schedule.learning_rate={GRU_RATE if self.recipe == 'isc' else RATE}",
            "schedule.milestones=[]",
            "schedule.epochs=100000",
            f"contrast.queue_size={BATCH}",
            "contrast.exclude_same_clip=true",
            "contrast.momentum=0.9",
            f"name={self.name}",
            f"steps={max(1, self.updates)}",
        )
        return [*shared, *(self._two_networks() if self.recipe == "isc" else self._trunk()), *self.changes]

    def _trunk(self) -> tuple[str, ...]:
        formats = ", ".join(f'"{each}"' for each in self.formats)
        return (
            f"encoders.0.skeletons=[{formats}]",
            f"encoders.0.frames={FRAMES}",
            "encoders.0.preparation=common",
            "encoders.0.dropout=0.0",
            f"encoders.0.hidden={WIDTH}",
            f"encoders.0.dim={DIM}",
        )

    def _two_networks(self) -> tuple[str, ...]:
        each = (f"skeleton={self.formats[0]}", f"frames={FRAMES}", "preparation=common", "persons=1")
        return (
            "runtime.precision=bf16",
            "encoders.0.hidden=128",
            "encoders.1.face=hcn",
            "encoders.1.dropout=0.0",
            *(f"encoders.{number}.{change}" for number in (0, 1) for change in each),
        )


UPDATES, MIX_UPDATES = 1200, 600
PLAIN = ("method=skeletonclr",)

ARMS: tuple[Arm, ...] = (  # the most telling first
    Arm("random-recorded", RECORDED, (KINECT, MARKERS, CENTRES), 0),
    Arm("random-derived", DERIVED, (NTU, SMPLX, MHAD), 0),
    Arm("random-isc", DERIVED, (NTU,), 0, "isc"),
    Arm("random-mix", DERIVED, (NTU,), 0, "skelemix", PLAIN),
    Arm("recorded-3", RECORDED, (KINECT, MARKERS, CENTRES), UPDATES, seconds=0.24),
    Arm("recorded-kinect", RECORDED, (KINECT,), UPDATES, seconds=0.17),
    Arm("recorded-markers", RECORDED, (MARKERS,), UPDATES, seconds=0.29),
    Arm("recorded-centres", RECORDED, (CENTRES,), UPDATES, seconds=0.17),
    Arm("recorded-2", RECORDED, (KINECT, MARKERS), UPDATES, seconds=0.23),
    Arm("derived-1", DERIVED, (NTU,), UPDATES, seconds=0.2),
    Arm("derived-3", DERIVED, (NTU, SMPLX, MHAD), UPDATES, seconds=0.33),
    Arm("derived-2", DERIVED, (NTU, SMPLX), UPDATES, seconds=0.26),
    Arm("isc-inter", DERIVED, (NTU,), UPDATES, "isc", seconds=0.21),
    Arm("isc-intra", DERIVED, (NTU,), UPDATES, "isc", intra=True, seconds=0.22),
    Arm("skelemix", DERIVED, (NTU,), MIX_UPDATES, "skelemix", seconds=0.78),
    Arm("plain", DERIVED, (NTU,), MIX_UPDATES, "skelemix", PLAIN, seconds=0.2),
    Arm("recorded-3-apart", RECORDED, (KINECT, MARKERS, CENTRES), UPDATES, same=True, seconds=0.24),
    Arm("plain-long", DERIVED, (NTU,), 4 * MIX_UPDATES, "skelemix", PLAIN, seconds=0.2),
)
BY_NAME = {arm.name: arm for arm in ARMS}


@dataclass(frozen=True)
class Side:
    """One side of a comparison: values of an arm.

    Args:
        arm: Its name.
        views: What of it is looked at; several are averaged. Ids of formats, to which all clips are converted; "own":
            clips of UI-PRMD as recorded, each sensor in its own format; names of networks of inter-skeleton contrast;
            "ensemble"; "best alone", "mean alone": of the formats of the ensemble, the best one of each data set
            chosen with hindsight, and their mean.
    """

    arm: str
    views: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """A claim about two ways to pretrain, put to the test.

    Args:
        claim: Number of the claim.
        title: What is compared.
        first, second: Values of both; a side may be of several arms, whose values are averaged.
        equal_updates: Whether both sides are trained by as many updates, on as many clips.
    """

    claim: int
    title: str
    first: tuple[Side, ...]
    second: tuple[Side, ...]
    equal_updates: bool = True


ALONE = tuple(
    Side(f"recorded-{name}", (view,)) for name, view in (("kinect", KINECT), ("markers", MARKERS), ("centres", CENTRES))
)
THREE, THREE_DERIVED = (KINECT, MARKERS, CENTRES), (NTU, SMPLX, MHAD)
NETWORKS = ("first", "second", "joined")

COMPARISONS: tuple[Comparison, ...] = (
    Comparison(1, "recorded: three formats contrasted, against each by itself", (Side("recorded-3", THREE),), ALONE),
    Comparison(
        1,
        "recorded: three formats contrasted, against three without contrast between",
        (Side("recorded-3", THREE),),
        (Side("recorded-3-apart", THREE),),
    ),
    Comparison(
        1, "derived: three formats against Kinect joints", (Side("derived-3", (NTU,)),), (Side("derived-1", (NTU,)),)
    ),
    Comparison(
        2, "recorded: two formats against one", (Side("recorded-2", (KINECT,)),), (Side("recorded-kinect", (KINECT,)),)
    ),
    Comparison(
        2, "recorded: three formats against two", (Side("recorded-3", (KINECT,)),), (Side("recorded-2", (KINECT,)),)
    ),
    Comparison(2, "derived: two formats against one", (Side("derived-2", (NTU,)),), (Side("derived-1", (NTU,)),)),
    Comparison(2, "derived: three formats against two", (Side("derived-3", (NTU,)),), (Side("derived-2", (NTU,)),)),
    *(
        Comparison(3, f"{data}: ensemble against {what}", (Side(arm, ("ensemble",)),), (Side(arm, (view,)),))
        for data, arm in (("recorded", "recorded-3"), ("derived", "derived-3"))
        for what, view in (("the best format, chosen with hindsight", "best alone"), ("its formats", "mean alone"))
    ),
    *(
        Comparison(4, f"inter against intra: {title}", (Side("isc-inter", (view,)),), (Side("isc-intra", (view,)),))
        for title, view in zip(("recurrent network", "convolutional network", "both joined"), NETWORKS, strict=True)
    ),
    Comparison(5, "SkeleMixCLR against SkeletonCLR", (Side("skelemix", (NTU,)),), (Side("plain", (NTU,)),)),
    Comparison(
        5,
        "SkeleMixCLR against SkeletonCLR trained four times as long",
        (Side("skelemix", (NTU,)),),
        (Side("plain-long", (NTU,)),),
        equal_updates=False,
    ),
)


def chosen(names: Sequence[str]) -> tuple[Arm, ...]:
    """Return arms by name, in the order of their worth; "claim-3" names the arms of a claim."""
    wanted: set[str] = set()
    for name in names:
        claim = name.removeprefix("claim-")
        if claim.isdecimal() and 1 <= int(claim) <= 5:
            wanted |= arms_of(int(claim))
        elif name in BY_NAME:
            wanted.add(name)
        else:
            raise ValueError(
                f"no arm and no claim {name!r}; expected claim-1 to claim-5, or some of {', '.join(BY_NAME)}"
            )
    return tuple(arm for arm in ARMS if not names or arm.name in wanted)


def lasting(arm: Arm, updates: int) -> Arm:
    """Return an arm with another number of updates, given for those of `UPDATES`; all others change in proportion.

    Example:
        >>> lasting(BY_NAME["plain-long"], UPDATES // 2).updates == 2 * MIX_UPDATES
        True
    """
    return replace(arm, updates=-(-arm.updates * updates // UPDATES))


def arms_of(claim: int) -> set[str]:
    """Return the names of the arms that a claim compares, and of the random weights beside them."""
    sides = [side for each in COMPARISONS if each.claim == claim for side in (*each.first, *each.second)]
    return {name for side in sides for name in (side.arm, random_of(BY_NAME[side.arm]))}


def random_of(arm: Arm) -> str:
    """Return the name of the same network with random weights.

    Example:
        >>> random_of(BY_NAME["plain"])
        'random-mix'
    """
    return f"random-{arm.data}" if arm.recipe == "skeletonclr" else f"random-{'isc' if arm.recipe == 'isc' else 'mix'}"
