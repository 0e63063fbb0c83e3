"""A line of text in nerfstudio's viewer, which has no element for that."""

from nerfstudio.viewer.viewer_elements import ViewerElement
from viser import GuiMarkdownHandle, ViserServer


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
