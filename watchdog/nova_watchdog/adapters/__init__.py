"""One module a port. Library errors are translated here, once. Siblings never import each other."""
