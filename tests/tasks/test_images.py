"""etude.tasks.images"""

import torch

from etude.tasks import build_model, digits, digits_cnn, prepare


def test_digits_are_all_there_and_scaled():
    prepared = prepare(digits())
    pixels, labels = prepared.train.tensors
    assert (prepared.train.size, prepared.val.size) == (1437, 360)
    assert (float(pixels.min()), float(pixels.max())) == (0, 1)
    assert labels.unique().tolist() == list(range(10))
    # 64 x 64 + 64, twice, and 64 x 10 + 10
    assert prepared.parameters == 2 * (64 * 64 + 64) + 64 * 10 + 10


def test_both_networks_see_the_same_scans_in_their_own_form():
    flat, images = digits().train[0], digits_cnn().train[0]
    assert images.shape == (1797, 1, 8, 8)
    assert torch.equal(images.flatten(1), flat)


def test_a_short_training_reads_nine_digits_in_ten():
    prepared = prepare(digits())
    task, model = prepared.task, build_model(prepared.task, 0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.5)
    generator = torch.Generator().manual_seed(0)
    for _ in range(300):
        inputs, targets = prepared.train.take(torch.randint(1437, (64,), generator=generator))
        optimizer.zero_grad()
        task.loss(model(inputs), targets).backward()
        optimizer.step()
    inputs, targets = prepared.val.take(torch.arange(360))
    assert task.measure(model(inputs), targets) > 0.9
