"""id_classifier and its angular margin, against numbers calculated by hand."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from detectors import Clips
from detectors.contract.checks import run_checks
from detectors.contract.variants import create
from detectors.id_classifier import IdClassifier
from detectors.networks.angular_margin import AngularMargin, neighbour_distances, subcluster_adacos
from features import InputError

UNITS = ["id_00", "id_02"]


def square(margin: float, scale: float) -> AngularMargin:
    """Two units with centres along the axes of a plane."""
    head = AngularMargin(UNITS, 2, margin, scale)
    with torch.no_grad():
        head.centres.copy_(torch.eye(2)[:, None] * 3)  # the length does not count
    return head


def at(*degrees: float) -> torch.Tensor:
    angles = torch.tensor(degrees, dtype=torch.float64).deg2rad()
    return torch.stack([angles.cos(), angles.sin()], dim=1)


# angular_margin


def test_surprise_by_hand():
    """At 30 degrees from the own centre, 60 from the other, with a margin of 30 degrees: cos 60 against cos 60."""
    surprise = square(margin=math.pi / 6, scale=30)(7 * at(30), torch.tensor([0]))
    assert surprise.item() == pytest.approx(math.log(2))
    plain = square(margin=0, scale=2)(at(30, 30), torch.tensor([0, 1]))
    near, far = math.exp(2 * math.cos(math.pi / 6)), math.exp(2 * math.cos(math.pi / 3))
    assert plain.tolist() == pytest.approx([-math.log(near / (near + far)), -math.log(far / (near + far))])


def test_surprise_grows_with_the_angle_all_the_way_round():
    angles = torch.linspace(0, 180, 361)
    head = AngularMargin(UNITS, 3, margin=0.7, scale=30)
    with torch.no_grad():
        head.centres.copy_(torch.tensor([[[1.0, 0, 0]], [[0, 0, 1.0]]]))
    embeddings = torch.cat([at(*angles.tolist()), torch.zeros(361, 1)], dim=1)  # always at 90 degrees to the other
    surprise = head(embeddings, torch.zeros(361, dtype=torch.int64))
    assert (surprise.diff() > 0).all(), "not flat where the own unit is certain, nor beyond 180 degrees"


def test_gradients_are_finite_on_the_centres_and_opposite():
    embeddings = at(0, 90, 180, 270).float().requires_grad_()
    square(margin=0.5, scale=30)(embeddings, torch.tensor([0, 1, 0, 1])).sum().backward()
    assert torch.isfinite(embeddings.grad).all()


def test_centres_of_a_unit_share_its_probability():
    head = subcluster_adacos(UNITS, n_features=5, n_centres=3)
    assert head.scale == pytest.approx(math.sqrt(2) * math.log(5))
    embeddings = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    centres = head.centres.detach().reshape(6, 5)
    cosines = torch.cosine_similarity(embeddings[:, None], centres[None], dim=2)
    probabilities = (head.scale * cosines).softmax(dim=1).reshape(4, 2, 3).sum(dim=2)
    labels = torch.tensor([0, 1, 1, 0])
    torch.testing.assert_close(head(embeddings, labels), -probabilities[range(4), labels].log())


def test_a_classifier_without_margin_is_plain_cross_entropy():
    head = AngularMargin(["a", "b", "c"], 4, margin=0.0, scale=10.0)
    embeddings, labels = torch.randn(6, 4), torch.tensor([0, 1, 2, 2, 1, 0])
    logits = 10 * torch.cosine_similarity(embeddings[:, None], head.centres.detach()[:, 0][None], dim=2)
    torch.testing.assert_close(head(embeddings, labels), cross_entropy(logits, labels, reduction="none"))


def test_units_are_numbered_by_name_and_others_refused():
    head = AngularMargin(["id_02", "id_00", "id_02"], 4, 0.5, 30.0)
    assert head.labels(["id_02", "id_00"]).tolist() == [1, 0]
    with pytest.raises(InputError, match=r"unit 'id_04' was not in training, only id_00, id_02; fit on normal"):
        head.labels(["id_00", "id_04"])
    with pytest.raises(InputError, match=r"1 unit \(id_00\) to learn from; .*two units or more.*run with more units"):
        AngularMargin(["id_00", "id_00"], 4, 0.5, 30.0)


def test_neighbours_are_those_of_the_own_unit():
    normal, of = at(0, 60, 90, 180), torch.tensor([0, 0, 1, 1])
    clips, labels = 5 * at(0, 0, 120, 90), torch.tensor([0, 1, 0, 1])
    one = neighbour_distances(clips, labels, normal, of, k=1)
    assert one.tolist() == pytest.approx([0, 1, 0.5, 0])
    all_there_are = neighbour_distances(clips, labels, normal, of, k=9)
    assert all_there_are.tolist() == pytest.approx([0.25, 1.5, 1.0, 0.5])


# id_classifier


def spectra(n_clips: int, n_frames: int = 12, seed: int = 0, gap: float = 6.0) -> Clips:
    """Two units in turn; the second is louder by `gap` dB in the upper half of 16 bands."""
    rng, units = np.random.default_rng(seed), [UNITS[index % 2] for index in range(n_clips)]
    frames = [-60 + 3 * rng.normal(size=(n_frames, 16)) for _ in units]
    for table, unit in zip(frames, units, strict=True):
        table[:, 8:] += gap * (unit == UNITS[1])
    return Clips([table.astype(np.float32) for table in frames], units)


def swapped(clips: Clips) -> Clips:
    return Clips(clips.features, [UNITS[1 - UNITS.index(unit)] for unit in clips.units])


@pytest.mark.parametrize("loss", ["arcface", "subcluster_adacos"])
@pytest.mark.parametrize("scoring", ["neighbours", "probability"])
def test_id_classifier_can_tell_units_apart(loss, scoring):
    train, test = spectra(16), spectra(8, seed=1)
    detector = IdClassifier(loss=loss, scoring=scoring, mixup=0.0, epochs=30, device="cpu").fit(train)
    assert len(detector.history_) == 30
    assert detector.history_[-1]["train_error"] < 0.05 * detector.history_[0]["train_error"]
    assert detector.score(test).max() < detector.score(swapped(test)).min()


def test_id_classifier_probability_is_that_of_its_head():
    train = spectra(8)
    detector = IdClassifier(scoring="probability", epochs=2, device="cpu").fit(train)
    embeddings = detector.network_(torch.from_numpy(np.stack(train.features)))
    expected = detector.head_(embeddings.double(), torch.tensor([0, 1] * 4)).detach()
    np.testing.assert_allclose(detector.score(train), expected, rtol=1e-4, atol=1e-6)


def test_mixed_clips_cannot_be_learnt_by_heart():
    errors = {
        mixup: IdClassifier(mixup=mixup, epochs=30, device="cpu").fit(spectra(16)).history_[-1]["train_error"]
        for mixup in (0.0, 1.0)
    }
    assert errors[0.0] < 0.1 < 0.3 < errors[1.0]


def test_id_classifier_takes_clips_of_unlike_lengths():
    short, long = spectra(8, n_frames=5, gap=20), spectra(8, n_frames=40, seed=1, gap=20)
    train = Clips([*short.features, *long.features], [*short.units, *long.units])
    detector = IdClassifier(epochs=20, crop_frames=8, device="cpu").fit(train)
    for n_frames in (5, 17, 200):
        test = spectra(4, n_frames=n_frames, seed=2, gap=20)
        assert detector.score(test).max() < detector.score(swapped(test)).min()


def test_id_classifier_refuses_what_it_cannot_judge():
    one_unit = spectra(8).take(range(0, 8, 2))
    with pytest.raises(InputError, match="two units or more"):
        IdClassifier(device="cpu").fit(one_unit)
    detector = IdClassifier(epochs=1, device="cpu").fit(spectra(8))
    with pytest.raises(InputError, match="unit 'id_06' was not in training"):
        detector.score(Clips(one_unit.features, ["id_06"] * 4))
    with pytest.raises(InputError, match="clip 0 has 8 bins, expected 16"):
        detector.score(Clips([frames[:, :8] for frames in one_unit.features], one_unit.units))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "softmax"}, r"loss=softmax\]: choose loss=arcface or loss=subcluster_adacos"),
        ({"scoring": "distance"}, r"scoring=distance\]: choose scoring=neighbours or scoring=probability"),
        ({"k": 0}, r"k=0\]: k is at least 1"),
        ({"mixup": -1.0}, r"mixup=-1.0\]: mixup is at least 0"),
        ({"crop_frames": 0}, r"crop_frames=0\]: crop_frames is a whole number, at least 1, or None"),
    ],
)
def test_id_classifier_names_the_field_that_is_wrong(options, message):
    with pytest.raises(InputError, match=message):
        IdClassifier(**options)


def test_the_other_loss_conforms():
    detector = create("id_classifier[loss=subcluster_adacos,crop_frames=16]")
    assert [verdict for verdict in run_checks(detector) if not verdict.ok] == []
