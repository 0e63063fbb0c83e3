"""A capture, read once: frames, poses, split, intrinsics, photos and image masks, for training and for receivers."""
