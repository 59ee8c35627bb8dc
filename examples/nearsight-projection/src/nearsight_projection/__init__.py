"""Methods for nearsight: one file each."""
