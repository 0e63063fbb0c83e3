"""Which pixels of a training view belong together: files of label maps, and ways to make them from photos."""
