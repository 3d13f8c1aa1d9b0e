"""An explicit-state check of the bare protocol of docs/safety.md, independent of the product's code."""
