"""What decides where shares end, beside the files: what settings say of it, and what jobs cost."""
