"""What is judged is what a search answers: against slow rankings of the described rows, and the search itself."""

import os

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.errors import UsageError
from nearsight.evaluation.benchmark import evaluate_attacks, evaluate_pipeline, make_example, open_bench
from nearsight.evaluation.measures import average_precision
from nearsight.evaluation.protocols.registry import load_ground_truth
from nearsight.evaluation.published import PUBLISHED
from nearsight.evaluation.scoring import MAX_ANSWERS
from nearsight.images.thumbnail import decode
from nearsight.ingest.run import IngestSettings
from nearsight.search.fusion import FusedPipeline

COLOURS = {"red": (200, 60, 50), "green": (60, 180, 70), "blue": (50, 80, 210)}
RECIPES = ("colour_histogram", "phash", "colour_histogram | flat(metric=l1)")


def quiet(progress):
    """Watch nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three classes of six images of blobs, tinted but for two; a loose image; something that cannot be read."""
    made = tmp_path_factory.mktemp("judged") / "images"
    for number, (name, colour) in enumerate(COLOURS.items()):
        (made / name).mkdir(parents=True)
        for each in range(6):
            random = np.random.default_rng(100 * number + each)
            blobs = random.integers(0, 256, (9, 12, 3))
            tinted = blobs if each > 3 else 0.5 * blobs + 0.5 * np.array(colour)
            image = Image.fromarray(tinted.astype(np.uint8)).resize((120, 90), Image.Resampling.BICUBIC)
            image.save(made / name / f"{each}.png")
            os.utime(made / name / f"{each}.png", (1_600_000_000, 1_600_000_000))
    Image.fromarray(random.integers(0, 256, (40, 50, 3), np.uint8)).save(made / "loose.png")
    (made / "blue" / "broken.jpg").write_bytes(b"\xff\xd8no image")
    return made


@pytest.fixture(scope="module")
def ready(folder, tmp_path_factory):
    home = tmp_path_factory.mktemp("home") / "kept"
    with open_bench(folder, ["copy"], RECIPES, index_dir=home, settings=IngestSettings(workers=1)) as made:
        yield made


def find_pipeline(ready, name):
    return next(each for each in ready.pipelines if each.name == name)


def slow_rankings(truth, pipeline, names):
    """Names by distance to each query, the query itself left out: rows and distances one by one."""
    rows = ns.describe([truth.folder / name for name in names], pipeline.name.split(" | ")[0])
    for query in truth.queries:
        vector = rows[names.index(query.name)]
        far = [(float(pipeline.metric.distances(vector[None], row[None])[0, 0]), at) for at, row in enumerate(rows)]
        yield query, [names[at] for _, at in sorted(far) if names[at] != query.name]


@pytest.mark.parametrize("recipe", RECIPES)
def test_leave_one_out_agrees_with_slow_rankings(ready, folder, recipe):
    truth = load_ground_truth("classes", folder)
    readable = [each for each in truth.queries if "broken" not in each.name]
    truth = type(truth)(truth.name, truth.folder, truth.images, tuple(readable), truth.measures, truth.labels)
    pipeline = find_pipeline(ready, recipe)
    trial = evaluate_pipeline(ready, pipeline, truth, quiet)
    names = sorted(name for name in truth.images if "broken" not in name)
    precisions, wrong = [], 0
    for outcome, (query, ranking) in zip(trial.outcomes, slow_rankings(truth, pipeline, names), strict=True):
        places = [at for at, name in enumerate(ranking) if name.split("/")[0] == query.group]
        wanted = 6 if query.group == "blue" else 5
        assert outcome.query == query
        assert outcome.n_positives == wanted
        assert outcome.ranks == tuple(places)
        assert [each.name for each in outcome.first_answers] == ranking[:MAX_ANSWERS]
        precisions.append(average_precision(places, wanted))
        wrong += places[0] != 0
    assert trial.figures["mAP"] == pytest.approx(100 * np.mean(precisions))
    assert trial.figures["1-NN error"] == pytest.approx(100 * wrong / 18)


def test_a_question_that_cannot_be_read_finds_nothing(ready, folder):
    trial = evaluate_pipeline(ready, find_pipeline(ready, "phash"), load_ground_truth("classes", folder), quiet)
    broken = [each for each in trial.outcomes if each.query.name == "blue/broken.jpg"]
    assert [(each.ranks, each.n_positives, each.first_answers) for each in broken] == [((), 6, ())]
    assert len(trial.outcomes) == 19
    assert trial.figures["mAP"] == pytest.approx(100 * np.mean([each.precision for each in trial.outcomes]))


def test_tinted_images_are_found_by_colour_and_not_by_layout(ready, folder):
    lines = [f"{name}/0.png,{name}/{other}.png" for name in COLOURS for other in (1, 2, 3)]
    (folder / "queries.csv").write_text("\n".join(["query,positive", *lines]) + "\n")
    truth = load_ground_truth("table", folder)
    by_colour = evaluate_pipeline(ready, find_pipeline(ready, "colour_histogram"), truth, quiet)
    by_layout = evaluate_pipeline(ready, find_pipeline(ready, "phash"), truth, quiet)
    assert by_colour.figures["mAP"] > 90
    assert by_layout.figures["mAP"] < 70
    assert by_colour.cost.row_bytes == 1024
    assert by_layout.cost.row_bytes == 8
    assert 0 < by_layout.cost.describe_ms < by_layout.cost.ask_ms


@pytest.mark.parametrize("how", ["reciprocal", "scores"])
def test_a_fusion_is_evaluated_by_what_it_answers(ready, folder, how):
    table = folder / "some.csv"
    table.write_text("query,positive\nred/0.png,red/1.png\ngreen/2.png,green/0.png\n")
    truth = load_ground_truth("table", table)
    pipelines = tuple(find_pipeline(ready, name) for name in ("colour_histogram", "phash"))
    trial = evaluate_pipeline(ready, FusedPipeline(pipelines, how), truth, quiet)
    for outcome in trial.outcomes:
        asked = ready.collection.search(
            like=ready.images[outcome.query.name].id, recipe=["colour_histogram", "phash"], fuse=how, k=100
        )
        assert [each.name for each in outcome.first_answers] == [
            hit.path for hit in asked if hit.path != outcome.query.name
        ]
    assert trial.name == f"colour_histogram + phash, fused by {how}"
    assert trial.cost.row_bytes == 1024 + 8


@pytest.mark.parametrize("name", ["phash", "copy"])
def test_boxes_and_stored_images_ask_as_a_user_does(ready, folder, name):
    table = folder / "boxes.csv"
    table.write_text("query,positive,x0,y0,x1,y1\nred/0.png,red/0.png,10,5,100,80\ngreen/2.png,green/2.png,,,,\n")
    truth = load_ground_truth("table", table)
    box, stored = evaluate_pipeline(ready, find_pipeline(ready, name), truth, quiet).outcomes
    given = {"by": "copy"} if name == "copy" else {"recipe": name}
    asked = ready.collection.search(folder / "red/0.png", k=MAX_ANSWERS, box=(10, 5, 100, 80), **given)
    assert [each.name for each in box.first_answers] == [hit.path for hit in asked]
    asked = ready.collection.search(like=ready.images["green/2.png"].id, k=MAX_ANSWERS, **given)
    assert [each.name for each in stored.first_answers] == [hit.path for hit in asked]
    assert stored.ranks == (0,)


def test_refiners_are_evaluated_too(ready, folder):
    """A quarter of a photograph, turned: the index alone is lost, verified hits find it."""
    from skimage import data

    query = folder.parent / "turned.png"
    Image.fromarray(np.rot90(data.coffee())).save(query)
    root = folder.parent / "Set"
    (root / "Reference").mkdir(parents=True)
    (root / "Phone").mkdir()
    query.rename(root / "Phone" / "1.png")
    for number, name in enumerate(("coffee", "chelsea", "astronaut", "rocket"), 1):
        Image.fromarray(getattr(data, name)()).save(root / "Reference" / f"{number}.png")
    truth = load_ground_truth("pairs", root)
    with open_bench(truth.folder, ["copy"], ["gist"], settings=IngestSettings(workers=1)) as made:
        trials = {pipeline.name: evaluate_pipeline(made, pipeline, truth, quiet) for pipeline in made.pipelines}
    assert trials["copy"].figures["rank 1"] == 100.0
    assert trials["copy"].outcomes[0].ranks == (0,)
    assert trials["copy"].outcomes[0].first_answers[0].score > trials["gist"].outcomes[0].first_answers[0].score


def test_altered_images_ask_for_themselves_and_for_files_of_the_same_bytes(ready, folder):
    made = evaluate_attacks(ready, ["mirror", "grey"], 4, quiet)
    assert {len(outcomes) for outcomes in made.values()} == {8}
    for outcome in made["colour_histogram"]:
        image = np.asarray(Image.open(folder / outcome.query.name).convert("RGB"))
        altered = image[:, ::-1] if outcome.query.alteration == "mirror" else None
        if altered is not None:
            found = ready.collection.search(np.ascontiguousarray(altered), recipe="colour_histogram", k=MAX_ANSWERS)
            assert [each.name for each in outcome.first_answers] == [hit.path for hit in found]
            assert outcome.ranks == (0,)
    names = {each.query.name for each in made["phash"]}
    assert len(names) == 4
    assert len({name.split("/")[0] for name in names}) >= 3


def test_copies_of_one_file_are_all_right(tmp_path, random_image):
    random_image(tmp_path / "a.jpg", 1)
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.jpg").read_bytes())
    random_image(tmp_path / "c.jpg", 2)
    with open_bench(tmp_path, [], ["phash"], settings=IngestSettings(workers=1)) as made:
        home = made.collection.index_dir
        outcomes = evaluate_attacks(made, ["stored"], 9, quiet)["phash"]
    assert [(each.query.name, each.n_positives, each.ranks) for each in outcomes] == [
        ("a.jpg", 2, (0, 1)),
        ("b.jpg", 2, (0, 1)),
        ("c.jpg", 1, (0,)),
    ]
    assert not home.exists()
    assert sorted(os.listdir(tmp_path)) == ["a.jpg", "b.jpg", "c.jpg"]


def test_only_the_images_of_the_task_are_searched_among(ready, folder):
    truth = load_ground_truth("classes", folder)
    some = tuple(name for name in truth.images if not name.startswith("green"))
    few = type(truth)("few", folder, some, truth.queries[-3:], ("mAP",), truth.labels)
    for outcome in evaluate_pipeline(ready, find_pipeline(ready, "phash"), few, quiet).outcomes:
        assert {each.name for each in outcome.first_answers} == set(some) - {outcome.query.name, "blue/broken.jpg"}


def test_examples_show_what_was_asked_and_what_was_found(ready):
    outcome = evaluate_attacks(ready, ["mirror"], 1, quiet)["colour_histogram"][0]
    shown = make_example(ready, "colour_histogram", outcome, 2)
    query, hit = decode(shown.jpeg).astype(float), decode(shown.hits[0].jpeg).astype(float)
    assert np.abs(query[:, ::-1] - hit).mean() < 6
    assert np.abs(query - hit).mean() > 20
    assert [each.right for each in shown.hits] == [True, False]


def test_nothing_to_judge_and_nothing_to_judge_by(tmp_path):
    with pytest.raises(UsageError, match="name a recipe, or a sense"), open_bench(tmp_path, [], []):
        pass
    with pytest.raises(UsageError, match="no image that can be read"), open_bench(tmp_path, [], ["phash"]):
        pass


@pytest.mark.slow
def test_corel_gives_the_figures_that_were_measured_before(data, tmp_path):
    """All 1000 images: RGB histograms and 32 x 32 pixels are worth what the paper says, in its measures."""
    truth, paper = load_ground_truth("corel1k", data / "corel1k"), PUBLISHED["corel1k"].figures
    recipes = {"colour histogram": "colour_histogram(space=rgb, bins=[8, 8, 8])", "32 x 32 pixels": SQUARES}
    with open_bench(truth.folder, [], list(recipes.values()), index_dir=tmp_path / "home") as made:
        for pipeline, name in zip(made.pipelines, recipes, strict=True):
            figures = evaluate_pipeline(made, pipeline, truth, quiet).figures
            assert figures["mAP, rect."] >= paper[name]["mAP, rect."] - 0.1
            assert figures["1-NN error"] <= paper[name]["1-NN error"] + 0.1


SQUARES = "tiny(normalise=false)"


def test_landmarks_by_colour(data, tmp_path):
    """Boxes of real photographs; each query's own image is among the right answers."""
    truth = load_ground_truth("landmarks", data / "landmarks").subsample(2)
    few = tuple(sorted({name for each in truth.queries for name in each.relevance[""].positives}))[:30]
    kept = tuple({*few, *(each.name for each in truth.queries)})
    folder = tmp_path / "few"
    folder.mkdir()
    for name in kept:
        (folder / name).write_bytes((truth.folder / name).read_bytes())
    small = type(truth)("few", folder, kept, truth.queries, ("mAP", "rank 1"))
    with open_bench(folder, ["colour"], [], index_dir=tmp_path / "home") as made:
        trial = evaluate_pipeline(made, made.pipelines[0], small, quiet)
    assert 20 < trial.figures["mAP"] < 100
    assert all(each.ranks for each in trial.outcomes)


def test_a_box_beside_its_image_names_the_image(ready, folder):
    table = folder / "beside.csv"
    table.write_text("query,positive,x0,y0,x1,y1\nred/0.png,red/0.png,500,500,600,600\n")
    with pytest.raises(UsageError, match=r"red/0\.png: .*box"):
        evaluate_pipeline(ready, find_pipeline(ready, "phash"), load_ground_truth("table", table), quiet)
