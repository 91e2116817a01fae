"""Models as folders: saved atomically, verified when loaded, fetched from the Hugging Face Hub by name."""
