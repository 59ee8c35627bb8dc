"""Images and texts in one space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nearsight.errors import ModelError
from nearsight.models import inference, store, tokenizer
from nearsight.types import Descriptor, Floats, Image


@dataclass(frozen=True)
class Joint(Descriptor):
    """An image as a vector in one space with texts, so that a text finds images.

    1. An image goes through the first network of a pair, as its card says.
    2. Its vector is divided by its length.
    3. A text becomes numbers of tokens, goes through the second network, and is divided by its length too.

    The cosine of an image and a text says how well the text describes the image. What is asked for may be a sum of
    several images and texts, minus others: the vectors, each of length 1, are added and subtracted.

    Parameters
    ----------
    model : the card of the pair's network for images, which names that for texts; `nearsight models list` says which
        there are

    Returns
    -------
    `(N, D) float32`, each row of length 1, with the D that the card says; 512 for the default

    Raises
    ------
    ModelError
        where there is no such card, it names no network for texts, or one of the files is not on this machine or is not
        what its card says
    ValueError
        where the model is no name

    References
    ----------
    A. Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021,
    doi:10.48550/arXiv.2103.00020.

    Notes
    -----
    Departures: the image's middle square is scaled at once, by the means of areas; the paper scales the shorter side
    by cubic interpolation and cuts the square then. Texts longer than 77 tokens are cut, which the paper refuses.

    Examples
    --------
    >>> Joint().size
    512
    """

    model: str = "clip_vit_b32"

    metric = "cosine"

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not self.model:
            raise ValueError(f"model is a name; got {self.model!r}")

    @property
    def side(self) -> int:
        """The longest side of the pixels that the card's way of scaling can use."""
        return store.find_card(self.model).image_input().pixels

    @property
    def size(self) -> int:
        """The number of values of a row."""
        return store.find_card(self.model).vector().dimension

    @property
    def digest(self) -> str:
        """The checksum of the network for images, and that of how it is fed: rows are made by it alone."""
        return inference.model_digest(self.model)

    def load(self) -> None:
        """Find both networks, the vocabulary and its library, check them, and open the one for images."""
        tokenizer.import_tokenizers()
        texts = self._text_model()
        inference.load_model(self.model)
        for needed in (texts, *store.find_card(texts).dependencies):
            store.require_model(needed)

    def embed(self, images: Sequence[Image]) -> Floats:
        """`(N, size) float32` for N images."""
        wanted = store.find_card(self.model).vector().name
        return normalise_rows(np.concatenate(list(inference.compute_outputs(self.model, wanted, images))))

    def encode_texts(self, words: Sequence[str]) -> Floats:
        """`(N, size) float32` for N texts; for none, no network is opened."""
        return (
            np.empty((0, self.size), np.float32)
            if not words
            else normalise_rows(inference.embed_texts(self._text_model(), words))
        )

    def _text_model(self) -> str:
        card = store.find_card(self.model)
        if not card.texts:
            pairs = ", ".join(each.name for each in store.all_cards().values() if each.texts)
            raise ModelError(f"the model {self.model} is of images only; those of images and texts are {pairs}")
        other = store.find_card(card.texts).vector().dimension
        if other != self.size:
            raise ModelError(f"{self.model} gives {self.size} values and {card.texts} {other}: they are no pair")
        return card.texts


def normalise_rows(rows: Floats) -> Floats:
    """The rows, each of length 1; a row of zeros stays as it is."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths == 0, 1, lengths), np.float32)
