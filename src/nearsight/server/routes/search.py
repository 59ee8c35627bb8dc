"""Asking."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import APIRouter, Depends, Query

from nearsight.server import schemas
from nearsight.server.params import Question, explained, found, parse_box, parse_colours, parse_histogram, parse_marks
from nearsight.server.service import Its, Named, hit_rows

LARGEST = (1 << 63) - 1

router = APIRouter(prefix="/collections/{collection}", tags=["search"])


async def question_of(
    upload: Annotated[str | None, Query(pattern="^[0-9a-f]{32}$", description="an image that was uploaded")] = None,
    id: Annotated[int | None, Query(ge=1, le=LARGEST, description="an image of the collection")] = None,
    colours: Annotated[str, Query(max_length=500, description="colours and shares", examples=["c33:.6,eee:.4"])] = "",
    histogram: Annotated[
        str, Query(max_length=16000, description="amounts of the bins of a colour histogram, with commas")
    ] = "",
    text: Annotated[
        list[Annotated[str, Query(max_length=500)]] | None,
        Query(max_length=8, description="what the image shows, in words; as often as wanted", examples=[["a dog"]]),
    ] = None,
    minus_text: Annotated[
        list[Annotated[str, Query(max_length=500)]] | None,
        Query(max_length=8, description="what it should not show; as often as wanted"),
    ] = None,
    words: Annotated[
        str, Query(max_length=500, description="words of names, folders, cameras, dates, captions, tags and labels")
    ] = "",
    where: Annotated[
        str, Query(max_length=2000, description="a filter: taken >= 2012 and folder like 'moscow/%'")
    ] = "",
    by: Annotated[
        list[Annotated[str, Query(max_length=500)]] | None,
        Query(max_length=8, description="the sense, the default one where empty; as often as wanted"),
    ] = None,
    fuse: Annotated[
        Literal["reciprocal", "scores"], Query(description="how the answers by several senses become one")
    ] = "reciprocal",
    like: Annotated[str, Query(max_length=2000, description="ids that are marked as alike", examples=["3,17"])] = "",
    unlike: Annotated[str, Query(max_length=2000, description="ids that are marked as not alike")] = "",
    k: Annotated[int, Query(ge=1, le=1000, description="how many hits")] = 20,
    box: Annotated[str, Query(max_length=120, description="x0,y0,x1,y1 in pixels of the upright image")] = "",
) -> Question:
    """What an address asks."""
    return Question(
        upload,
        id,
        parse_colours(colours),
        parse_histogram(histogram),
        text=_texts(text),
        minus_text=_texts(minus_text),
        words=words.strip(),
        where=where.strip(),
        by=tuple(each for each in by or () if each),
        fuse=fuse,
        like=parse_marks(like),
        unlike=parse_marks(unlike),
        k=k,
        box=parse_box(box),
    )


def _texts(given: list[str] | None) -> tuple[str, ...]:
    return tuple(each.strip() for each in given or () if each.strip())


Asked: TypeAlias = Annotated[Question, Depends(question_of)]


@router.get("/search", response_model=schemas.Answer)
async def search(service: Its, shelved: Named, question: Asked) -> dict[str, Any]:
    """The images that are most alike, best first, each with its reason."""
    results, seconds = await service.ask(shelved, question)
    hits = await service.read.run(partial(hit_rows, shelved, results))
    told = {"recipe": results.recipe, "verdict": results.verdict, "total": results.total}
    return {"query": question.as_dict(), **told, "seconds": seconds, "hits": hits}


@router.get("/explain", response_model=schemas.Explanation)
async def explain(
    service: Its, shelved: Named, question: Asked, hit: Annotated[int, Query(ge=1, le=LARGEST)]
) -> dict[str, Any]:
    """Why one hit of a search was returned, with the points that match, or what each place adds to the score."""
    results, _ = await service.ask(shelved, question)
    reason = await service.explain(shelved, question, found(results, hit))
    image = await service.image(shelved, question) if question.box is not None else None
    return explained(reason, question.box, None if image is None else (image.width, image.height))
