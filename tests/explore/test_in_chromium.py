"""The page in a real browser: real mouse, keys and fingers, and what is then to be seen."""

from __future__ import annotations

import json

import numpy as np
import pytest
from browser import tab
from hostile_names import NAMES
from oracles.motion_of import decode
from strategies import standing_person

from msclr.explore import write_map

CORNERS = np.array([[1.0, 0.8], [-1.0, 0.8], [1.0, -0.8], [-1.0, -0.8], [0.1, 0.0], [0.0, 0.7]])
CONVENTIONS = ("coco_17", "coco_17", "kinect_v2_25", "kinect_v2_25", "coco_17", "kinect_v2_25")
LABELS = ["walk", "hop", "walk", "hop", "walk", ""]


def vectors_at(points):
    """Vectors of nearly equal direction, so that on the sphere they lie as these points do in the plane."""
    return np.concatenate([0.01 * np.asarray(points), np.ones((len(points), 1))], axis=1)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "map.html"
    clips = [
        standing_person(name, dims=2 if name == "coco_17" else 3, seed=row) for row, name in enumerate(CONVENTIONS)
    ]
    names = [f"takes/clip_{row}.npz" for row in range(len(clips))]
    write_map(path, vectors_at(CORNERS), clips, names=names, labels=LABELS)
    return path


def data_of(path):
    return json.loads(path.read_text("utf-8").split('id="data">')[1].split("</script>")[0])


def place_of(page, path, row):
    """Where a clip is on the screen before anybody has moved the map."""
    data = data_of(path)
    left, top, width, height = page.ask(
        "(() => { const r = plot.getBoundingClientRect(); return [r.left, r.top, r.width, r.height] })()"
    )
    wide, tall = (2 * max(map(abs, data[axis])) for axis in "xy")
    scale = min((width - 60) / wide, (height - 60) / tall)
    return left + width / 2 + data["x"][row] * scale, top + height / 2 - data["y"][row] * scale


def name_on(page):
    return page.ask("document.getElementById('clip').hidden ? '' : document.getElementById('name').textContent")


def figure_pixel(page, x, y):
    return tuple(page.ask(f"[...figure.getContext('2d').getImageData({round(x)}, {round(y)}, 1, 1).data]"))


def test_pointing_at_a_dot_shows_its_name_facts_neighbours_and_a_moving_figure(browser, page):
    with tab(browser, page, media={"prefers-reduced-motion": "no-preference"}) as opened:
        data = data_of(page)
        assert name_on(opened) == ""
        for row in (0, 3):
            opened.mouse("mouseMoved", *place_of(opened, page, row))
            assert name_on(opened) == data["names"][row]
            assert opened.ask("facts.textContent").startswith(f"{LABELS[row]} · {CONVENTIONS[row]} · 0.8 s")
            near = opened.ask("[...document.querySelectorAll('#near .text')].map((each) => each.textContent)")
            assert near == [data["names"][other].split("/")[-1] for other in data["near"][row]]
        opened.wait("Number(time.value) > 0")
        before = opened.ask("figure.toDataURL()")
        opened.wait(f"figure.toDataURL() !== {json.dumps(before)}")
        colours = opened.ask(
            "(() => { const seen = new Set(), { data } = figure.getContext('2d').getImageData(0, 0, figure.width, "
            "figure.height); for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) "
            "seen.add([data[i], data[i + 1], data[i + 2]].join()); return [...seen]; })()"
        )
        assert {"184,134,11", "51,68,187"} <= set(colours)  # left and right
        opened.mouse("mouseMoved", *np.add(place_of(opened, page, 3), 60))
        assert name_on(opened) == data["names"][3]  # so that the mouse can go to the card
        assert opened.complaints() == []
        assert opened.requests() == [page.as_uri()]


def test_the_figure_is_where_the_stored_numbers_say(browser, page):
    with tab(browser, page) as opened:
        opened.mouse("mouseMoved", *place_of(opened, page, 0))
        opened.wait("Number(time.value) === 500")  # nothing moves by itself
        assert opened.ask("play.textContent") == "Play"
        clip = data_of(page)["clips"][0]
        places, _ = decode(clip["shape"], clip["step"], clip["data"])
        width, height = opened.ask("[figure.clientWidth, figure.clientHeight]")
        reach = max(0.5, np.abs(places[..., 0]).max())
        low, high = places[..., 1].min(), places[..., 1].max()
        scale = min((width - 24) / (2 * reach), (height - 20) / (high - low))
        for key, frame in (("End", -1), ("Home", 0)):
            opened.ask("time.focus()")
            opened.press(key)
            opened.wait(f"Number(time.value) === {1000 * (frame == -1)}")
            for x, y in places[0, frame]:
                spot = width / 2 + scale * x, height / 2 - scale * (y - (low + high) / 2)
                assert figure_pixel(opened, *spot)[3] > 100  # a joint is drawn here


def test_filters_hide_clips_from_the_eye_and_from_the_mouse(browser, page):
    with tab(browser, page) as opened:
        shown = "document.getElementById('shown').textContent"
        assert opened.ask(shown) == ""
        boxes = "[...document.querySelectorAll('#group-label li')]"
        assert opened.ask(f"{boxes}.map((row) => row.querySelector('.text').textContent)") == ["walk", "hop", "none"]
        opened.ask(f"{boxes}[0].querySelector('input').click()")
        assert opened.ask(shown) == "3 of 6 shown"
        opened.mouse("mouseMoved", *place_of(opened, page, 0))
        assert name_on(opened) == ""
        opened.mouse("mouseMoved", *place_of(opened, page, 1))
        assert name_on(opened) == "takes/clip_1.npz"
        opened.ask("document.querySelectorAll('#group-convention .only')[1].click()")
        assert opened.ask(shown) == "2 of 6 shown"  # 3 and 5
        opened.ask("document.querySelectorAll('.all').forEach((each) => each.click())")
        assert opened.ask(shown) == ""
        opened.ask("document.getElementById('find').focus()")
        for letter in "CLIP_4":
            opened.press(letter)
        assert opened.ask(shown) == "1 of 6 shown"
        opened.press("Enter")
        assert name_on(opened) == "takes/clip_4.npz"
        assert opened.complaints() == []


def test_colours_go_by_label_convention_or_nothing(browser, page):
    with tab(browser, page) as opened:

        def colours():
            places = [place_of(opened, page, row) for row in range(6)]
            left, top = opened.ask("(() => { const r = plot.getBoundingClientRect(); return [r.left, r.top] })()")
            pen = "dots.getContext('2d')"
            spots = [(round(x - left), round(y - top)) for x, y in places]
            return [opened.ask(f"[...{pen}.getImageData({x}, {y}, 1, 1).data].join()") for x, y in spots]

        def groups(found):
            return [found.index(each) for each in found]

        assert groups(colours()) == [0, 1, 0, 1, 0, 5]
        opened.ask("document.querySelector('[value=convention]').click()")
        assert groups(colours()) == [0, 0, 2, 2, 0, 2]
        opened.ask("document.querySelector('[value=none]').click()")
        assert groups(colours()) == [0] * 6


def test_a_click_holds_a_clip_and_keys_go_from_one_to_the_next(browser, page):
    with tab(browser, page) as opened:
        opened.click(*place_of(opened, page, 1))
        opened.mouse("mouseMoved", *place_of(opened, page, 2))
        assert name_on(opened) == "takes/clip_1.npz"
        data = data_of(page)
        opened.ask("document.querySelector('#near button').click()")
        assert name_on(opened) == data["names"][data["near"][1][0]]
        opened.ask("release.click()")
        opened.mouse("mouseMoved", *np.add(place_of(opened, page, 2), 1))
        assert name_on(opened) == "takes/clip_2.npz"
        opened.ask("plot.focus()")
        ways = {"ArrowUp": (0, -1), "ArrowLeft": (-1, 0), "ArrowRight": (1, 0)}
        current = 2
        for key, way in [("ArrowUp", ways["ArrowUp"]), ("ArrowLeft", ways["ArrowLeft"])]:
            opened.press(key)
            found = data["names"].index(name_on(opened))
            step = np.subtract(place_of(opened, page, found), place_of(opened, page, current))
            assert found != current
            assert step @ way >= abs(step @ way[::-1]) > -1  # more in this direction than across
            current = found
        assert opened.ask("said.textContent").startswith(f"clip_{current}.npz, ")
        opened.press("Enter")
        assert opened.ask("release.hidden") is False
        opened.press("Escape")
        assert opened.ask("release.hidden") is True


def test_wheel_and_drag_move_the_map_under_the_mouse(browser, page):
    with tab(browser, page) as opened:
        first, second = place_of(opened, page, 0), place_of(opened, page, 4)
        opened.mouse("mouseWheel", *first, deltaX=0, deltaY=-400)
        opened.mouse("mouseMoved", *np.add(first, 1))
        assert name_on(opened) == "takes/clip_0.npz"
        where = np.add(first, np.e * np.subtract(second, first))  # e times as large: exp(400 / 400)
        centre = np.add(first, second) / 2
        opened.mouse("mousePressed", *centre, button="left", buttons=1, clickCount=1)
        for share in (0.3, 1.0):
            opened.mouse("mouseMoved", *np.add(centre, share * np.subtract(centre, where)), button="left", buttons=1)
        opened.mouse("mouseReleased", *np.add(centre, np.subtract(centre, where)), button="left", clickCount=1)
        opened.mouse("mouseMoved", *np.add(where, np.subtract(centre, where)))
        assert name_on(opened) == "takes/clip_4.npz"
        opened.ask("whole.click()")
        opened.mouse("mouseMoved", *place_of(opened, page, 1))
        assert name_on(opened) == "takes/clip_1.npz"


def test_on_a_phone_nothing_is_cut_off_and_fingers_tap_and_pinch(browser, page):
    with tab(browser, page, size=(360, 740), touch=True) as opened:
        assert opened.ask("document.documentElement.scrollWidth") == 360
        place = place_of(opened, page, 4)
        opened.touch("touchStart", tuple(np.add(place, 9)))
        opened.touch("touchEnd")
        assert name_on(opened) == "takes/clip_4.npz"
        assert opened.ask("document.documentElement.scrollWidth") == 360
        size = (
            "[...document.querySelectorAll('button:not([hidden])')].map((b) => Math.min(b.offsetWidth, b.offsetHeight))"
        )
        assert min(opened.ask(size)) >= 24
        x, y = place
        opened.touch("touchStart", (x - 20, y), (x + 20, y))
        for spread in (25, 30):
            opened.touch("touchMove", (x - spread, y), (x + spread, y))
        opened.touch("touchEnd")
        corner = np.add(place, 1.5 * np.subtract(place_of(opened, page, 5), place))  # 30 / 20 times as large
        opened.touch("touchStart", tuple(corner))
        opened.touch("touchEnd")
        assert name_on(opened) == "takes/clip_5.npz"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_legible_in_both_schemes(browser, page, scheme):
    with tab(browser, page, media={"prefers-color-scheme": scheme}) as opened:
        colour = "(of, name) => getComputedStyle(document.querySelector(of))[name].match(/\\d+/g).map(Number)"
        for text, ground in (("h1", "body"), ("header p", "body"), (".number", "#legend"), ("summary", "details")):
            ink = opened.ask(f"({colour})({json.dumps(text)}, 'color')")
            paper = opened.ask(f"({colour})({json.dumps(ground)}, 'backgroundColor')")
            assert contrast(ink, paper) >= 4.5


def contrast(one, other):
    """Contrast ratio of the WCAG, from channels 0 to 255."""
    light = []
    for colour in (one, other):
        linear = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
        light.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)
    return max(light) / min(light)


def test_hostile_names_are_shown_as_they_are_and_nothing_runs(browser, tmp_path):
    path = tmp_path / "map.html"
    angles = np.linspace(0, 2 * np.pi, len(NAMES), endpoint=False)
    write_map(
        path,
        vectors_at(np.stack([np.cos(angles), 0.6 * np.sin(angles)], axis=1)),
        names=NAMES,
        labels=NAMES,
        conventions=NAMES,
        title=NAMES[0],
    )
    data = data_of(path)
    with tab(browser, path) as opened:
        for row in range(len(NAMES)):
            opened.mouse("mouseMoved", *place_of(opened, path, row))
            shown = opened.ask("JSON.stringify(document.getElementById('name').textContent)")
            assert json.loads(shown) == data["names"][row]
        assert opened.ask("stage.hidden") is True  # a map without figures
        assert opened.ask("typeof window.hacked") == "undefined"
        assert opened.ask("document.title").startswith("</script><script>window.hacked")
        assert opened.complaints() == []
        assert opened.requests() == [path.as_uri()]


def test_the_browser_refuses_what_the_page_did_not_come_with(browser, page):
    with tab(browser, page) as opened:
        opened.ask("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
        opened.ask("document.body.insertAdjacentHTML('beforeend', '<img src=\"http://127.0.0.1:9/x.png\">')")
        outcome = opened.ask("fetch('http://127.0.0.1:9/').then(() => 'sent', (error) => error.message)")
        assert outcome == "Failed to fetch"
        assert opened.ask("typeof window.ran") == "undefined"
        blocked = [entry for entry in opened.complaints() if "Content Security Policy" in str(entry)]
        assert len(blocked) >= 3
