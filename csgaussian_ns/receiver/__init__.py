"""A scene at whoever received it: opened, looked at, asked and saved, on numpy and numba."""
