"""Augmentation: every image changes a little and stays what it shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from small import digits_corpus

pytestmark = pytest.mark.usefixtures("torch_installed")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, torch_installed: None) -> Any:
    """The digits, float32 [1797, 1, 28, 28] in 0…1."""
    import torch

    corpus = digits_corpus(tmp_path_factory.mktemp("augment") / "digits.parquet")
    return torch.from_numpy(corpus.images("application")[:, None].astype(np.float32) / 255)


def augment_images(images: Any, seed: int = 0) -> Any:
    import torch

    from allograph.training.augment import augment_images as augment

    return augment(images, torch.Generator().manual_seed(seed))


def test_shape_type_and_range_stay(images: Any) -> None:
    changed = augment_images(images)
    assert (changed.shape, changed.dtype, changed.device) == (images.shape, images.dtype, images.device)
    assert changed.isfinite().all()
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert augment_images(images[:1]).shape == (1, 1, 28, 28)


def test_the_generator_decides_and_nothing_else(images: Any) -> None:
    import torch

    torch.manual_seed(1)
    first = augment_images(images[:100], 5)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert torch.equal(first, augment_images(images[:100], 5))
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.equal(first, augment_images(images[:100], 6))


def test_the_originals_are_left_as_they_were(images: Any) -> None:
    before = images.clone()
    augment_images(images)
    assert images.equal(before)


def test_each_image_is_changed_and_none_in_the_same_way(images: Any) -> None:
    copies = images[:1].repeat(500, 1, 1, 1)
    changed = augment_images(copies)
    assert ((changed - copies).abs().amax(dim=(1, 2, 3)) > 0.02).all()
    assert len({image.numpy().tobytes() for image in changed}) == 500
    assert ((augment_images(images) - images).abs().amax(dim=(1, 2, 3)) > 0.02).all()


def test_no_ink_is_lost(images: Any) -> None:
    for seed in range(3):
        changed = augment_images(images, seed)
        share = changed.sum(dim=(1, 2, 3)) / images.sum(dim=(1, 2, 3))
        assert share.min() > 0.3
        assert share.max() < 3
        assert changed.amax(dim=(1, 2, 3)).min() > 0.99
        border = changed.clone()
        border[:, :, 1:-1, 1:-1] = 0
        assert (border.sum(dim=(1, 2, 3)) / changed.sum(dim=(1, 2, 3))).mean() < 0.01  # little leaves the picture


def centres(images: Any) -> Any:
    """Centre of mass, [n, 2] in pixels."""
    import torch

    places = torch.arange(28.0)
    mass = images.sum(dim=(1, 2, 3))
    return torch.stack(
        [(images.sum(dim=(1, 3)) @ places) / mass, (images.sum(dim=(1, 2)) @ places) / mass],
        dim=1,
    )


def test_the_centre_stays_on_average_and_never_goes_far(images: Any) -> None:
    shift = centres(augment_images(images)) - centres(images)
    assert shift.mean(dim=0).abs().max() < 0.15
    assert shift.std(dim=0).min() > 0.8
    assert shift.std(dim=0).max() < 1.6
    assert shift.abs().max() < 5


def test_strokes_get_thinner_and_thicker(images: Any) -> None:
    share = augment_images(images).sum(dim=(1, 2, 3)) / images.sum(dim=(1, 2, 3))
    assert 0.8 < share.median() < 1.3
    assert (share < 0.8).float().mean() > 0.05
    assert (share > 1.2).float().mean() > 0.05


def test_a_simple_model_still_reads_most_of_what_was_changed(images: Any) -> None:
    """The changes are small: nearest neighbours among the originals name most digits rightly, one in ten by chance."""
    from sklearn.datasets import load_digits
    from sklearn.neighbors import KNeighborsClassifier

    labels = load_digits().target
    flat = images.reshape(len(images), -1).numpy()
    model = KNeighborsClassifier(3).fit(flat, labels)
    assert model.score(augment_images(images[::4]).reshape(-1, 784).numpy(), labels[::4]) > 0.6
