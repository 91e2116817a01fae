"""Joint names as producers write them, without side and separators, and the anatomical points they mean."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _invert(table: dict[str, str]) -> dict[str, str]:
    return {key: name for name, keys in table.items() for key in keys.split()}


SIDES: dict[str, str] = {
    **dict.fromkeys(("l", "left", "lt", "lft"), "left"),
    **dict.fromkeys(("r", "right", "rt", "rgt"), "right"),
}
# Words that say nothing about the place: rig names before it, kinds of node after it.
LEADING: frozenset[str] = _words(
    "mixamorig bip valve biped character def org mch joint jnt bone nite cc j m f avg skel skeleton armature rig vb "
    "actor human humanoid body"
)
TRAILING: frozenset[str] = _words("jnt joint joints bone jt bind skin node centre center c")
# MeTRAbs appends the data set a joint was labelled in.
DATASETS: tuple[str, ...] = ("mpiinf3dhp", "smplx", "smplh", "smpl", "coco", "h36m", "cmupanoptic", "3dhp", "panoptic")
# Control handles and deformation helpers are no joints.
HELPERS: frozenset[str] = _words("ik fk pole ctrl control twist roll target effector prop camera")


# Without a side.
CENTRE_ALIASES: dict[str, str] = _invert(
    {
        "pelvis": "pelvis pelv hips hip midhip hipcenter hipcentre hipscenter centerhip bodycenter root cog "
        "lowertorso waist hipmid",
        "body_root": "bipedroot",
        "spine_base": "lowerback",
        "spine1": "abdomen lumbar abdomenlower ab l5 lowerspine bell spine0",
        "spine2": "abdomenupper l3 upperback",
        "spine3": "upperchest chestupper t12",
        "spine4": "t8",
        "spine_mid": "spine spin spinemid midspine middlespine torsomid",
        "spine_navel": "navel",
        "torso": "trunk bodymid",
        "belly": "belly",
        "chest": "chestlower ribcage sternum",
        "thorax": "spineshoulder shouldercenter shouldercentre midshoulder centershoulder thor uppertorso",
        "neck": "neckbase lowerneck necklower neck1",
        "upper_neck": "upperneck neckupper skullbase",
        "head": "headcenter headcentre skull necknose headextra",
        "head_top": "headtop topofhead tophead htop headtopend headend headendsite headnub vertex headsite crown",
        "jaw": "lowerjaw mandible",
        "chin": "contourmiddle",
        "nose": "nosetip",
        "palm": "hand handcenter palmcenter",
        "nose_bridge_1": "nose1",
        "nose_bridge_2": "nose2",
        "nose_bridge_3": "nose3",
        "nose_bridge_4": "nose4",
    }
)

# With a side. Names of bones mean the joint where the bone begins, except the Latin ones of ASF, which mean its end.
SIDED_ALIASES: dict[str, str] = _invert(
    {
        "clavicle": "collar collarbone clav cla scapula shoulderblade",
        "shoulder": "sho shldr shoulderjoint arm upperarm uparm uarm shldrbend upperarmbone armstart",
        "elbow": "elb forearm lowerarm farm lowarm foreram forearmbend humerus",
        "wrist": "wri radius",
        "hand": "han palm handcenter handcentre",
        "hand_tip": "handtip fingers fingertips wristend handend fin handnub",
        "hip": "hipjoint upleg upperleg upleg thigh uleg thighbend upperlegbone legstart",
        "knee": "kne leg lowleg lowerleg shin calf lleg crus femur",
        "ankle": "ank tibia",
        "heel": "hee calcaneus",
        "foot": "foo",
        "toe_base": "toebase toes ball toe0 metatarsal metatarsals forefoot toejoint",
        "toe_end": "toeend toesend toebaseend toebaseendsite toetip toe0nub toenub toeendsite toesendsite",
        "big_toe": "bigtoe hallux to2 bigtoetip",
        "small_toe": "smalltoe littletoe to3 pinkytoe",
        "foot_index": "footindex foottip",
        **{f"eyebrow_{i}": f"brow{i}" for i in range(1, 6)},
        "eyeball": "eyehf eyesmplhf",
        "mouth_corner": "mouth mouthcorner",
        "thumb_base": "handthumb",
        "thumb_tip": "thu thumbtip",
        "thumb_end": "thumbendsite",
        "index_end": "handindex1endsite index1endsite",
        "finger_base": "fingerbase",
        "hand_tip_end": "wristendend",
    }
)

# Plug-in Gait writes its marker labels in capitals.
PLUG_IN_GAIT: dict[str, str] = {
    "FHD": "front_head_marker",
    "BHD": "back_head_marker",
    "SHO": "shoulder_marker",
    "UPA": "upper_arm_marker",
    "ELB": "elbow_marker",
    "FRM": "forearm_marker",
    "WRA": "wrist_a_marker",
    "WRB": "wrist_b_marker",
    "FIN": "finger_marker",
    "ASI": "asis_marker",
    "PSI": "psis_marker",
    "THI": "thigh_marker",
    "KNE": "knee_marker",
    "TIB": "tibia_marker",
    "ANK": "ankle_marker",
    "HEE": "heel_marker",
    "TOE": "toe_marker",
}
PLUG_IN_GAIT_CENTRE: dict[str, str] = {
    "C7": "c7_marker",
    "T10": "t10_marker",
    "CLAV": "clavicle_notch_marker",
    "STRN": "sternum_marker",
    "RBAK": "back_asymmetry_marker",
}

# The fingers: words, then what the number or word after them means.
FINGERS: dict[str, str] = {
    "thumb": "thumb",
    "thu": "thumb",
    "forefinger": "index",
    "indexfinger": "index",
    "index": "index",
    "pointer": "index",
    "middlefinger": "middle",
    "middle": "middle",
    "mid": "middle",
    "ringfinger": "ring",
    "ring": "ring",
    "pinkyfinger": "pinky",
    "pinky": "pinky",
    "pinkie": "pinky",
    "littlefinger": "pinky",
    "little": "pinky",
}
FINGER_JOINTS: dict[str, str] = {
    "": "tip",
    "1": "mcp",
    "2": "pip",
    "3": "dip",
    "4": "tip",
    "start": "cmc",
    "metacarpal": "cmc",
    "carpal": "cmc",
    "base": "mcp",
    "first": "pip",
    "second": "dip",
    "proximal": "mcp",
    "intermediate": "pip",
    "distal": "dip",
    "end": "tip",
    "tip": "tip",
    "nub": "tip",
    **{joint: joint for joint in ("cmc", "mcp", "pip", "dip")},
}
THUMB_JOINTS: dict[str, str] = {
    "": "tip",
    "1": "cmc",
    "2": "mcp",
    "3": "ip",
    "4": "tip",
    "start": "cmc",
    "metacarpal": "cmc",
    "base": "cmc",
    "first": "mcp",
    "second": "ip",
    "proximal": "cmc",
    "intermediate": "mcp",
    "distal": "ip",
    "end": "tip",
    "tip": "tip",
    "nub": "tip",
    **{joint: joint for joint in ("cmc", "mcp", "ip")},
}
# 3ds Max numbers the fingers from the thumb: Finger0, Finger01, Finger02 is the thumb.
BIPED_FINGERS: tuple[str, ...] = ("thumb", "index", "middle", "ring", "pinky")


def _face_68() -> tuple[str, ...]:
    contour = [f"right_contour_{i}" for i in range(1, 9)]
    brow = [f"right_eyebrow_{i}" for i in range(1, 6)]
    mouth = ["right_mouth_1", "right_mouth_2", "right_mouth_3", "mouth_top"]
    return (
        *contour,
        "chin",
        *(name.replace("right", "left") for name in reversed(contour)),
        *brow,
        *(name.replace("right", "left") for name in reversed(brow)),
        *(f"nose_bridge_{i}" for i in range(1, 5)),
        *("right_nose_2", "right_nose_1", "nose_middle", "left_nose_1", "left_nose_2"),
        *(f"right_eye_{i}" for i in range(1, 7)),
        *(f"left_eye_{i}" for i in (4, 3, 2, 1, 6, 5)),
        *mouth,
        *(name.replace("right", "left") for name in reversed(mouth[:3])),
        *("left_mouth_5", "left_mouth_4", "mouth_bottom", "right_mouth_4", "right_mouth_5"),
        *(
            "right_lip_1",
            "right_lip_2",
            "lip_top",
            "left_lip_2",
            "left_lip_1",
            "left_lip_3",
            "lip_bottom",
            "right_lip_3",
        ),
    )


FACE_68: tuple[str, ...] = _face_68()
"""The 68 face points of the 300-W mark-up in their order, as COCO-WholeBody, Halpe and OpenPose number them."""
