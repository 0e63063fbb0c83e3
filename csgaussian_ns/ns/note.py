"""Elements that nerfstudio's viewer lacks: a line of text, and one that says when a viewer runs."""

from collections.abc import Callable
from typing import Any

from nerfstudio.viewer.viewer_elements import ViewerControl, ViewerElement
from viser import GuiMarkdownHandle, ViserServer


class AdoptedControl(ViewerControl):
    """Tells when a viewer adopts it; ``viewer`` is there from then on."""

    def __init__(self, adopted: Callable[[], None]) -> None:
        """Call ``adopted`` then."""
        self._adopted = adopted

    def _setup(self, viewer: Any) -> None:
        super()._setup(viewer)
        self._adopted()


class ViewerNote(ViewerElement[str]):
    """Markdown that can change. It takes no input."""

    gui_handle: GuiMarkdownHandle | None  # type: ignore[assignment]  # nerfstudio lists only inputs

    def __init__(self, content: str, visible: bool = True) -> None:
        """Show ``content``."""
        super().__init__("", visible=visible)
        self._content = content

    @property
    def content(self) -> str:
        """What it says."""
        return self._content

    @content.setter
    def content(self, content: str) -> None:
        self._content = content
        if self.gui_handle is not None:
            self.gui_handle.content = content

    def _create_gui_handle(self, viser_server: ViserServer) -> None:
        self.gui_handle = viser_server.gui.add_markdown(self._content, visible=self.visible)

    def install(self, viser_server: ViserServer) -> None:
        """Add it where the viewer is adding elements now."""
        self._create_gui_handle(viser_server)
