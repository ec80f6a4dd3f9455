"""One writer, on the shipped bundle: read, correct, accept, undo, forget, why."""

from __future__ import annotations

import threading
import unicodedata

import numpy as np
import pytest
from numpy.typing import NDArray

import allograph
from allograph.bundle import Bundle
from allograph.errors import ImageError, InputError, UnknownLabel
from allograph.readings import Reading
from allograph.recognizer import Recognizer
from allograph.samples import Sample

Images = NDArray[np.uint8]


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer(threads=1)


@pytest.fixture
def ana(recognizer: Recognizer) -> allograph.Writer:
    return allograph.Writer("ana", recognizer, adapter="paper")


@pytest.fixture(scope="module")
def images() -> Images:
    styles = Bundle.open().styles
    assert styles is not None
    return styles.medoids


def teach(writer: allograph.Writer, images: Images, label: str, times: int) -> list[Reading]:
    """Correct as many readings of one image, changed a little each time."""
    random = np.random.default_rng(0)
    readings = []
    for _ in range(times):
        changed = np.clip(images.astype(int) + random.integers(0, 20, images.shape) * (images > 0), 0, 255).astype(np.uint8)
        readings.append(writer.read(changed))
        writer.correct(readings[-1], label)
    return readings


def test_what_was_corrected_is_read_and_what_was_undone_is_not(ana: allograph.Writer, images: Images) -> None:
    before = ana.read(images[200])
    other = "a" if before.label != "a" else "b"
    readings = teach(ana, images[200], other, 12)
    after = ana.read(images[200])
    assert (after.label, after.base) == (other, before.label)
    assert before.label == before.base
    for reading in readings:
        ana.undo(reading.id)
    assert ana.read(images[200]).label == before.label
    assert ana.state.to_bytes(ana.adapter) == ana.adapter.start().to_bytes(ana.adapter)


def test_a_list_gives_a_list_and_each_reads_as_alone(ana: allograph.Writer, images: Images) -> None:
    together = ana.read(list(images[:7]))
    assert [reading.label for reading in together] == [ana.read(image).label for image in images[:7]]
    assert ana.read([]) == []
    assert len({reading.id for reading in together}) == 7


def test_grey_values_and_fractions_read_alike(ana: allograph.Writer, images: Images) -> None:
    as_fraction = ana.read(images[3] / 255)
    assert as_fraction.label == ana.read(images[3]).label
    assert as_fraction.probability == pytest.approx(ana.read(images[3]).probability, abs=1e-5)


def test_a_reading_gives_probabilities_of_its_best_labels(ana: allograph.Writer, images: Images) -> None:
    reading = ana.read(images[50])
    best = reading.best(94)
    assert best[0] == (reading.label, pytest.approx(reading.probability))
    assert sum(probability for _, probability in best) == pytest.approx(1, abs=1e-4)
    assert [probability for _, probability in best] == sorted((probability for _, probability in best), reverse=True)


def test_a_correction_counts_once_and_a_later_label_replaces_it(ana: allograph.Writer, images: Images) -> None:
    reading = ana.read(images[0])
    first = ana.correct(reading, "a")
    assert ana.correct(reading, "a") == first
    assert len(ana.corrections) == 1
    replaced = ana.correct(reading, "b")
    assert [(done.id, done.label) for done in ana.corrections] == [(first.id, "b")]
    assert replaced.id == reading.id == first.id

    only = allograph.Writer("ben", ana.recognizer, adapter="paper")
    only.correct(reading, "b")
    assert only.state.to_bytes(only.adapter) == ana.state.to_bytes(ana.adapter)


def test_accepting_is_an_implicit_correction_that_a_given_one_replaces(ana: allograph.Writer, images: Images) -> None:
    reading = ana.read(images[0])
    done = ana.accept(reading)
    assert done is not None
    assert (done.label, done.implicit) == (reading.label, True)
    assert ana.accept(reading) == done
    assert not ana.correct(reading, reading.label).implicit
    assert [known.implicit for known in ana.corrections] == [False]
    assert ana.accept(reading) == ana.corrections[0]


def test_implicit_corrections_can_be_switched_off(recognizer: Recognizer, images: Images) -> None:
    writer = allograph.Writer("ben", recognizer, implicit=False)
    assert writer.accept(writer.read(images[0])) is None
    assert writer.corrections == []


def test_forget_takes_back_by_label_and_by_time(ana: allograph.Writer, images: Images) -> None:
    a = [ana.correct(ana.read(image), "a") for image in images[:2]]
    b = [ana.correct(ana.read(image), "b") for image in images[2:4]]
    assert ana.forget(label="a") == 2
    assert ana.corrections == b
    assert ana.forget(label="b", since=b[1].time) == 1
    assert ana.forget(since=a[0].time) == 1
    assert ana.corrections == []
    with pytest.raises(InputError, match="label, a time"):
        ana.forget()


def test_an_unknown_label_is_refused_unless_it_is_new(ana: allograph.Writer, images: Images) -> None:
    reading = ana.read(images[0])
    with pytest.raises(UnknownLabel, match="'ß'"):
        ana.correct(reading, "ß")
    assert ana.corrections == []
    for reading in (ana.read(images[0]) for _ in range(4)):
        ana.correct(reading, "ß", new=True)
    assert ana.read(images[0]).label == "ß"
    ana.correct(ana.read(images[1]), "ß")  # taught, so no longer unknown
    assert ana.read(images[0], alphabet="digits").label in "0123456789"
    assert ana.read(images[0], alphabet=["ß", ana.read(images[0]).base]).label == "ß"
    ana.forget(label="ß")
    with pytest.raises(UnknownLabel):
        ana.correct(ana.read(images[0]), "ß")


def test_labels_are_compared_in_nfc(ana: allograph.Writer, images: Images) -> None:
    composed = "é"
    ana.correct(ana.read(images[0]), unicodedata.normalize("NFD", composed), new=True)
    assert ana.corrections[0].label == composed


def test_a_restricted_alphabet_belongs_to_the_reading(ana: allograph.Writer, images: Images) -> None:
    for image in images[::40]:
        reading = ana.read(image, alphabet="digits")
        assert reading.label in "0123456789"
        assert reading.base in "0123456789"
        assert all(label in "0123456789" for label, _ in reading.best(94))
    with pytest.raises(UnknownLabel, match="restricted to 10 labels, and 'x'"):
        ana.correct(reading, "x")
    ana.correct(reading, "7")
    assert {ana.read(image).label for image in images} - set("0123456789")
    with pytest.raises(UnknownLabel):
        ana.read(images[0], alphabet=["a", "☃"])
    with pytest.raises(InputError, match="no alphabet named"):
        ana.read(images[0], alphabet="runes")


def test_why_stays_true_after_later_corrections(ana: allograph.Writer, images: Images) -> None:
    readings = teach(ana, images[200], "a", 6)
    reading = ana.read(images[200])
    before = reading.why()
    assert before.answerer.endswith("nearest")
    assert before.evidence["pairs"][0]["count"] == 6
    for known in readings:
        ana.undo(known.id)
    assert reading.why() == before
    assert ana.read(images[200]).why().answerer == "base"


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((28, 28), np.uint8), "place 0 is empty"),
        (np.full((28, 28), np.nan), "NaN"),
        (np.full((28, 28), 2.0), "0…1"),
        (np.full((28, 28), -0.5), "0…1"),
        (np.ones((28, 28), np.int64), "int64"),
        (np.ones((27, 28), np.uint8), r"\[27, 28\]"),
        (np.ones((3, 28, 27), np.uint8), "a list of them"),
        (np.ones((1, 3, 28, 28), np.uint8), "a list of them"),
        (np.ones(784, np.uint8), r"\[784\]"),
    ],
)
def test_what_is_no_sample_is_refused(ana: allograph.Writer, image: NDArray[np.generic], message: str) -> None:
    with pytest.raises(ImageError, match=message):
        ana.read(image)


def test_a_list_of_what_are_no_samples_is_refused(ana: allograph.Writer, images: Images) -> None:
    with pytest.raises(ImageError):
        ana.read([images[0], images[0][:20]])
    with pytest.raises(ImageError, match="place 1 is empty"):
        ana.read([images[0], np.zeros((28, 28), np.uint8)])


def test_an_unknown_correction_or_method_is_an_error(ana: allograph.Writer, recognizer: Recognizer) -> None:
    with pytest.raises(InputError, match="'ana' has no correction"):
        ana.undo("nothing")
    with pytest.raises(InputError, match="no method 'magic'"):
        allograph.Writer("ben", recognizer, adapter="magic")


def test_writers_do_not_mix(recognizer: Recognizer, images: Images) -> None:
    ana, ben = (allograph.Writer(name, recognizer, adapter="paper") for name in ("ana", "ben"))
    before = ben.read(images[200]).label
    teach(ana, images[200], "a" if before != "a" else "b", 12)
    assert ana.read(images[200]).label != before
    assert ben.read(images[200]).label == before


def test_threads_lose_no_correction_and_readings_never_fail(recognizer: Recognizer, images: Images) -> None:
    writer = allograph.Writer("ana", recognizer, adapter="paper")
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(25):
                reading = writer.read(images[(7 * i + number) % len(images)])
                writer.correct(reading, "a" if i % 2 else "b")
                if i % 5 == 0:
                    writer.undo(reading.id)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(writer.corrections) == 4 * 20
    assert int(writer.state.arrays["count"].sum()) == 4 * 20


def test_a_reading_less_probable_than_asked_for_abstains_and_is_not_learned_when_left_standing(
    ana: allograph.Writer, images: Images
) -> None:
    sure, bold = ana.read(images[200], threshold=1.0), ana.read(images[200], threshold=0.0)
    assert sure.label == bold.label
    assert (sure.abstains, bold.abstains) == (True, False)
    assert ana.accept(sure) is None
    assert ana.accept(bold) is not None
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="from 0 to 1"):
            ana.read(images[200], threshold=wrong)


def test_why_names_the_corrections_that_decided(recognizer: Recognizer, images: Images) -> None:
    writer = allograph.Writer("ben", recognizer)
    readings = teach(writer, images[200], "b" if writer.read(images[200]).label == "a" else "a", 8)
    why = writer.read(images[200]).why()
    ids = [reading.id for reading in readings]
    assert why.answerer == writer.adapter.name
    assert {found["id"] for found in why.evidence["nearest"]} < set(ids)
    for found in why.evidence["decided"]:
        assert ids[found["correction"]] == found["id"]
        assert found["weight"] > 0


def test_a_label_that_was_never_read_before_is_read_from_a_few_samples_on(recognizer: Recognizer, images: Images) -> None:
    writer = allograph.Writer("eva", recognizer)
    random = np.random.default_rng(0)

    def varied() -> Images:
        rolled: Images = np.roll(images[0], random.integers(-2, 3, 2), (0, 1)).astype(np.uint8).T.copy()
        return rolled

    for _ in range(4):
        writer.correct(writer.read(varied()), "ξ", new=True)
    assert sum(writer.read(varied()).label == "ξ" for _ in range(10)) >= 8


def test_what_is_taught_has_the_box_of_its_sample(recognizer: Recognizer, images: Images) -> None:
    writer = allograph.Writer("ada", recognizer, keep_images=False)
    ink = [[(3.0, 2.0), (40.5, 92.0)], [(20.0, 47.0), (60.0, 40.0)]]
    box = allograph.Box(3, 2, 60, 92, "millimetres", "tablet", 80)
    one = writer.read(Sample.from_ink(ink, unit="millimetres", device="tablet", baseline=80))
    other, plain = writer.read([Sample.from_image(images[5], allograph.Box(0, 0, 4, 8)), images[6]])
    assert (one.box, other.box, plain.box) == (box, allograph.Box(0, 0, 4, 8), None)
    assert one.outputs.boxes is not None
    assert one.outputs.boxes.box(0) == box
    assert other.outputs.boxes is not None
    assert other.outputs.boxes.sizes[:, 0].tolist() == [8]
    assert writer.read(images[0]).outputs.boxes is None
    assert writer.read([images[0], images[1]])[1].box is None
    writer.correct([one, plain], ["y", "b"])
    writer.accept(other)
    assert [entry.box for entry in writer.entries()] == [box, None, other.box]
    assert [entry.image for entry in writer.entries()] == [None, None, None]
    writer.undo(one.id)
    assert [entry.box for entry in writer.entries()] == [None, other.box]


def test_in_the_shadow_boxes_are_kept_too(recognizer: Recognizer) -> None:
    writer = allograph.Writer("ada", recognizer, shadow=True)
    reading = writer.read(Sample.from_ink([[(3, 2), (40.5, 92)]]))
    writer.correct(reading, "l")
    assert [entry.box for entry in writer.entries()] == [allograph.Box(3, 2, 40.5, 92)]


def test_a_correction_against_all_that_is_known_is_doubtful_and_one_that_was_thought_over_is_not(
    recognizer: Recognizer, images: Images
) -> None:
    writer = allograph.Writer("ada", recognizer)
    reading = writer.read(images[200])
    unlikely, probability = reading.best(94)[-1]
    slip = 0.02 / 94
    done = writer.correct(reading, unlikely)
    assert done.doubt == pytest.approx(slip / (slip + 0.98 * probability), rel=1e-4)
    assert done.doubt == reading.doubt(unlikely) > 0.5
    assert writer.corrections == [done]
    assert writer.correct(reading, unlikely) == done
    assert writer.correct(reading, reading.label).doubt == 0
    assert writer.correct(reading.id, unlikely).doubt == 0
    assert writer.correct(writer.read(images[200]), "ѫ", new=True).doubt == 0
    likely = writer.read(images[3])
    assert 0 < writer.correct(likely, likely.label).doubt < 0.001
    left = writer.accept(writer.read(images[9]))
    assert left is not None
    assert left.doubt == 0
