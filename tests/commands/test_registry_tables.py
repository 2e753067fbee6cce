from lossland.commands import _registry_tables as made
from lossland.elements import LOSSES


def test_every_registered_loss_has_a_row(loss):
    assert loss.name in [row[0] for row in made.losses_table().rows]


def test_aliases_have_a_row_each():
    assert len(made.aliases_table().rows) == sum(len(entry.aliases) for entry in LOSSES.values())
