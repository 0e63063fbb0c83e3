"""Makes the demo scene: a ray-traced table-top room with exact poses, instance masks and SfM-like points.

Light on purpose: ``options`` is what the command line imports; numpy and embree load only when a scene is made.
"""
