"""The ``.csg`` format and all that decodes it: numpy and numba alone. What a port to another language mirrors."""
