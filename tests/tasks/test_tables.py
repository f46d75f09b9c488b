"""etude.tasks.tables"""

import torch

from etude.tasks import diabetes
from etude.tasks.tables import mean_absolute_error


def test_the_training_patients_alone_set_the_scale():
    task = diabetes()
    (x, y), (held_x, held_y) = task.train, task.val
    assert (len(x), len(held_x)) == (353, 89)
    for values in (x, y):
        assert float(values.mean(0).abs().max()) < 1e-5
        assert torch.allclose(values.std(0, correction=0), torch.ones(values.shape[1]), atol=1e-5)
    # Held-out columns are not exactly standardised: 89 of 442 rows differ by chance.
    assert float(held_x.mean(0).abs().max()) > 1e-3
    assert y.shape == (353, 1)
    assert held_y.shape == (89, 1)


def test_the_metric_is_the_mean_distance_and_small_is_good():
    task = diabetes()
    assert not task.maximize
    assert mean_absolute_error(torch.tensor([[1.0], [4.0]]), torch.tensor([[2.0], [2.0]])) == 1.5
