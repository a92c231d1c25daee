"""The digits: every image once, stratified, decided by the seed."""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from flowcert.errors import DomainError
from flowcert.networks.data import digits


@pytest.fixture(scope="module")
def raw():
    return load_digits(return_X_y=True)


def rows(images, labels):
    """Each image with its label, as bytes: sorted, so that order does not matter."""
    pixels = (images.numpy() * 16).astype(np.uint8).reshape(len(images), -1)
    return sorted(bytes(row) + bytes([label]) for row, label in zip(pixels, labels, strict=True))


def test_every_image_is_there_once_and_exact(raw):
    images = digits(3)
    together = torch.cat([images.train, images.test])
    labels = torch.cat([images.train_labels, images.test_labels])
    assert together.dtype == torch.float32
    assert labels.dtype == torch.int64
    pixels, classes = raw
    expected = sorted(
        bytes(row) + bytes([label])
        for row, label in zip(pixels.astype(np.uint8), classes, strict=True)
    )
    assert rows(together, labels) == expected
    assert torch.equal(together * 16, (together * 16).round())


@pytest.mark.parametrize("seed", [0, 7])
def test_the_split_takes_a_fifth_of_each_class(raw, seed):
    images = digits(seed)
    for label, count in zip(*np.unique(raw[1], return_counts=True), strict=True):
        assert int((images.test_labels == label).sum()) == round(0.2 * count)
    assert (images.name, images.shape, images.classes) == ("digits", (1, 8, 8), 10)
    assert images.mean == pytest.approx([images.train.numpy().astype(float).mean()], rel=1e-12)


def test_the_seed_decides_and_the_hash_tells():
    assert digits(0).sha256 == digits(0).sha256
    assert digits(0).sha256 != digits(1).sha256
    images = digits(0)
    changed = images.test.clone()
    changed[5, 0, 3, 3] += 1 / 16
    assert dataclasses.replace(images, test=changed).sha256 != images.sha256
    for name in ("train", "train_labels", "test", "test_labels"):
        turned = {name: getattr(images, name).flip(0)}
        assert dataclasses.replace(images, **turned).sha256 != images.sha256


def test_validation_images_are_training_images():
    images = digits(0)
    validation = images.validation(4)
    assert rows(
        torch.cat([validation.train, validation.test]),
        torch.cat([validation.train_labels, validation.test_labels]),
    ) == rows(images.train, images.train_labels)
    assert validation.sha256 != images.validation(5).sha256


@pytest.mark.parametrize("seed", [-1, 2**63, 0.5, True, "0", float("nan")])
def test_a_seed_is_an_integer(seed):
    with pytest.raises(DomainError, match="seed"):
        digits(seed)
