"""The HTTP service: thin routes over the library, and the guards around them. FastAPI lives here and nowhere else."""
