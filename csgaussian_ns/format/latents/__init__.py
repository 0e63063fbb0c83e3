"""Scenes whose file holds the latent of a network that makes Gaussians of photos: FORMAT.md, section 18."""
