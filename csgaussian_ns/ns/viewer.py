"""Controls for objects in nerfstudio's viewer: click, list or words select; then hide, isolate, recolour, grow, shrink.

What they do lasts as long as the viewer and touches only what the viewer draws: no training, evaluation or export.
"""

import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

from nerfstudio.viewer.render_state_machine import RenderStateMachine
from nerfstudio.viewer.viewer_elements import (
    ViewerButton,
    ViewerButtonGroup,
    ViewerClick,
    ViewerDropdown,
    ViewerElement,
    ViewerRGB,
    ViewerSlider,
    ViewerText,
)
from torch import Tensor, nn

from csgaussian_ns.core.errors import ConfigError, CsgError, QueryError
from csgaussian_ns.ns.note import AdoptedControl, ViewerNote
from csgaussian_ns.semantic.embeddings import with_embeddings
from csgaussian_ns.semantic.object_view import ObjectScene, ObjectView
from csgaussian_ns.semantic.query import by_text
from csgaussian_ns.semantic.shown import Look, palette
from csgaussian_ns.semantic.text import DEFAULT_ARCHITECTURE, WHERE_TO_GET, TextEncoder, load_openclip

Handler: TypeAlias = Callable[..., None]
Finder: TypeAlias = Callable[[], tuple[ObjectScene, int]]
"""Gives the objects of a run, and the step that it is at."""
Describer: TypeAlias = Callable[[ObjectScene, TextEncoder, Callable[[str, int, int], None], int], dict[int, Tensor]]
"""Gives vectors of objects; called with a scene, an encoder, whom to tell of progress, and how many photos to use."""

NONE = "none"
GROW_HINT = "Anchors to add to the object, or to take away, in per cent; the best fitting first, the worst fitting last"
TEXT_VIEWS = 40
"""Training photos in which objects are looked for when words are first asked for; an export takes all of them."""


def _told(handler: Handler) -> Handler:
    """Say what is not possible where the user looks: an exception in a thread of the viewer reaches nobody."""

    @wraps(handler)
    def run(self: "ObjectControls", *args: Any) -> None:
        try:
            handler(self, *args)
        except CsgError as error:
            self.row_a.content = f"**Not possible:** {error}"

    return run


class ObjectControls(nn.Module):
    """Elements that nerfstudio's viewer finds because this module is an attribute of the model.

    The viewer orders elements by attribute name, hence ``row_x``. It calls their handlers in threads of its own with
    its lock held; clicks come without the lock. All state is one immutable ``ObjectView``, replaced as a whole.
    """

    def __init__(self) -> None:
        """Make the elements. All but the note are hidden until objects are found, once a viewer has adopted them."""
        super().__init__()
        self.control = AdoptedControl(self._adopted)
        self.row_a = ViewerNote("Objects are looked for once a viewer runs.")
        self.row_b = ViewerButton("Find objects", self._find)
        self.row_c = ViewerButton("Select by click", self._await_click)
        self.row_d = ViewerDropdown("Object", NONE, [NONE], cb_hook=self._choose)
        self.row_da = ViewerButtonGroup("A part of", "Larger", ["Larger", "Smaller"], cb_hook=self._larger_or_smaller)
        self.row_e = ViewerSlider("Grow / shrink", 0, -90, 100, 5, cb_hook=self._resize, hint=GROW_HINT)
        self.row_f = ViewerButtonGroup("Selected", "Hide", ["Hide", "Isolate"], cb_hook=self._hide_or_isolate)
        self.row_g = ViewerRGB("Colour", (60, 110, 220), hint="For Recolour")
        self.row_h = ViewerButton("Recolour", self._recolour)
        self.row_i = ViewerButton("Show all as it is", self._reset)
        self.row_j = ViewerText("Words", "", hint="What the object looks like, in English")
        self.row_k = ViewerButton("Select by words", self._select_by_words)
        weights = os.environ.get("CSG_TEXT_WEIGHTS", "")
        self.row_l = ViewerText("Encoder weights", weights, hint="Path of OpenCLIP weights, where the viewer runs")
        self.row_m = ViewerText("Encoder", DEFAULT_ARCHITECTURE, hint="OpenCLIP's name of their architecture")
        for row in self._rows():
            row.visible = False
        self._run: tuple[Finder, Describer] | None = None
        self._view: ObjectView | None = None
        self._step = 0
        self._encoder: tuple[tuple[str, str], TextEncoder] | None = None
        self._finding = threading.Lock()

    def serve(self, find: Finder, describe: Describer) -> None:
        """Ask these when somebody presses a button; without them nothing can be found."""
        self._run = find, describe

    def _rows(self) -> list[ViewerElement]:
        """All elements but the note."""
        return [getattr(self, f"row_{letters}") for letters in ("b", "c", "d", "da", *"efghijklm")]

    def look(self) -> Look | None:
        """How the viewer is to draw the scene; ``None`` for everyone else, so that metrics are those of the scene."""
        drawing = isinstance(threading.current_thread(), RenderStateMachine)
        return self._view.look if drawing and self._view is not None else None

    def layers(self) -> dict[str, Callable[[], Tensor]]:
        """What can be drawn of every anchor, if called for: a colour for each object ``[A, 3]``, once there are any."""
        view = self._view
        return {} if view is None else {"objects": lambda: palette(view.scene.semantics.label)}

    def _adopted(self) -> None:
        """In ns-viewer find objects at once; in training when asked, because it takes time and they still change."""
        if self.control.viewer.trainer is None:
            threading.Thread(target=self._find_at_start, daemon=True).start()
        else:
            self.row_a.content = "Objects are learned from masks, after the colours."
            self.row_b.set_visible(True)

    def _find_at_start(self) -> None:
        """On a GPU with the viewer's lock, as coding moves networks; on a CPU the first pictures need not wait."""
        on_cpu = self.control.viewer.pipeline.model.device.type == "cpu"
        with nullcontext() if on_cpu else self._locked():
            self._find()

    @_told
    def _find(self, _: ViewerElement | None = None) -> None:
        with self._finding:
            self.row_a.content = "Finding the objects that the exported file will have …"
            self.adopt(*self._served()[0]())
        self.control.viewer._trigger_rerender()

    def adopt(self, scene: ObjectScene, step: int) -> None:
        """Offer the objects of ``scene``, found at a step of training."""
        self._step, self._view = step, ObjectView(scene)
        options = [_entry(found.id, found.name) for found in scene.semantics.objects]
        self.row_d.set_options([NONE, *options])
        text = (self.row_j, self.row_k, self.row_l, self.row_m)
        for row in self._rows()[1:]:
            if row.gui_handle is not None:
                row.set_visible(row not in text or find_spec("open_clip") is not None)
        self._show(self._view)

    def _show(self, view: ObjectView, remark: str = "") -> None:
        """Make ``view`` the present one, and let every element say so."""
        self._view = view
        chosen = view.objects[0] if view.objects else None
        name = NONE if chosen is None else _entry(chosen.id, chosen.name)
        if self.row_d.value != name:
            self.row_d.value = name
        hidden = int(view.look.hidden.sum())
        lines = [f"**{len(view.scene.semantics.objects)} objects**, as of step {self._step}."]
        others = f" and {len(view.objects) - 1} more" if len(view.objects) > 1 else ""
        lines += [f"Selected: **{name}**{others}, {int(view.rows.sum()):,} anchors."] if chosen else []
        lines += [f"{hidden:,} anchors are hidden."] if hidden else []
        self.row_a.content = "  \n".join([*lines, *([remark] if remark else [])])

    def _served(self) -> tuple[Finder, Describer]:
        if self._run is None:
            raise QueryError("this is a run of an early version, whose viewer cannot look for objects; export it")
        return self._run

    def _present(self) -> ObjectView:
        if self._view is None:
            raise ConfigError("no objects have been found yet; press Find objects")
        return self._view

    @_told
    def _await_click(self, _: ViewerElement) -> None:
        """The next click selects. Only that one: while the viewer waits for clicks, dragging does not turn the view."""
        self.control.register_pointer_cb("click", self._clicked)
        self._show(self._present(), "**Click on an object.**")

    def _clicked(self, click: ViewerClick) -> None:
        self.control.unregister_pointer_cb()
        with self._locked():
            self.click(click)
        self.control.viewer._trigger_rerender()

    def _locked(self) -> AbstractContextManager:
        return self.control.viewer.train_lock or nullcontext()

    @_told
    def click(self, click: ViewerClick) -> None:
        """Select what is seen along a ray."""
        view = self._present().select_seen(click.origin, click.direction)
        self._start_from(view, "" if view.objects else "Nothing there: no object is seen at that point.")

    @_told
    def _choose(self, _: ViewerElement) -> None:
        view, chosen = self._present(), self.row_d.value
        number = None if chosen == NONE else int(chosen.split()[0])
        if number != (view.objects[0].id if view.objects else None):
            self._start_from(view.select_id(number))

    def _start_from(self, view: ObjectView, remark: str = "") -> None:
        """Show a new selection, of the size that it has by itself."""
        self._show(view, remark)
        if self.row_e.value != 0:
            self.row_e.value = 0

    @_told
    def _resize(self, _: ViewerElement) -> None:
        view = self._present()
        if view.objects:
            self._show(view.resize(self.row_e.value))

    @_told
    def _larger_or_smaller(self, _: ViewerElement) -> None:
        view, up = self._present(), self.row_da.value == "Larger"
        changed = view.larger() if up else view.smaller()
        same = changed.target.ids == view.target.ids
        remark = ("It is a part of nothing larger." if up else "It has no parts.") if same else ""
        self._start_from(changed, remark if view.objects else "Select an object first.")

    @_told
    def _hide_or_isolate(self, _: ViewerElement) -> None:
        view = self._present()
        self._show(view.hide() if self.row_f.value == "Hide" else view.isolate())

    @_told
    def _recolour(self, _: ViewerElement) -> None:
        red, green, blue = self.row_g.value
        self._show(self._present().recolour((red / 255, green / 255, blue / 255)))

    @_told
    def _reset(self, _: ViewerElement) -> None:
        self._start_from(self._present().reset())

    @_told
    def _select_by_words(self, _: ViewerElement) -> None:
        view, words = self._present(), self.row_j.value.strip()
        if not words:
            raise ConfigError("no words were given")
        encoder = self._text_encoder()
        view = self._described(view, encoder)
        selection, ranking = by_text(view.scene, encoder.encode_text([words])[0], encoder.name)
        best = ", ".join(
            f"{_entry(match.object.id, match.object.name)}: {match.similarity:.2f}" for match in ranking[:3]
        )
        self._start_from(view.select(selection), f"Similarity to “{words}”: {best}")

    def _text_encoder(self) -> TextEncoder:
        key = self.row_l.value.strip(), self.row_m.value.strip()
        if not key[0]:
            raise ConfigError(f"“Encoder weights” is empty. {WHERE_TO_GET}")
        if self._encoder is None or self._encoder[0] != key:
            self._progress("reading the text encoder", 0, 1)
            device = self._present().scene.anchors.position.device
            self._encoder = key, load_openclip(Path(key[0]).expanduser(), key[1], device)
        return self._encoder[1]

    def _described(self, view: ObjectView, encoder: TextEncoder) -> ObjectView:
        """``view`` with vectors of ``encoder`` for its objects, which takes a while the first time."""
        scene = view.scene
        if scene.semantics.text_encoder == encoder.name:
            return view
        vectors = self._served()[1](scene, encoder, self._progress, TEXT_VIEWS)
        return view.knowing(with_embeddings(scene.semantics, vectors, encoder.name))

    def _progress(self, what: str, done: int, total: int) -> None:
        self.row_a.content = f"{what[:1].upper()}{what[1:]} … {done} of {total}"


def _entry(number: int, name: str) -> str:
    return f"{number} {name or 'unnamed'}"
