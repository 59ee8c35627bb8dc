"""Geometry of matched points: matching local features, transforms and homographies between two images."""
