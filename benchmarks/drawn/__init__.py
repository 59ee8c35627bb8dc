"""Sets of images that resemble each other and are no copies of each other, drawn from fixed seeds.

Each module draws one kind: a function of a number returns the image of that number as the bytes of a file.
"""
