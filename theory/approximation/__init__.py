"""From a vector field to layers: the two approximation results, with every error bounded."""
