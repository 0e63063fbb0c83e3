"""Objects of a scene, found from masks of views; any scene, any masks, no nerfstudio. Begin with ``objects_in``."""
