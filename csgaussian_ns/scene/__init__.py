"""The trainable scene: anchors on a voxel grid, the MLPs that decode them, and how the set of anchors changes."""
