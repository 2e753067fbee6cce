"""The registries: duplicates, parameters, claims."""

import functools

import pytest

import lossland as ll
from lossland.elements import ACTIVATIONS, LOSSES, find
from lossland.elements._registry import Alias, dataset

pytestmark = pytest.mark.usefixtures("registries")


def test_a_decorator_returns_the_function_unchanged():
    def some_loss(margin):
        return -margin

    assert ll.margin_loss(some_loss) is some_loss
    assert ll.margin_loss(convex=True)(some_loss) is some_loss
    assert LOSSES["some_loss"].convex is True
    assert find(LOSSES, some_loss).function is some_loss


def test_a_taken_name_is_refused_with_both_places():
    @ll.margin_loss
    def taken(margin):
        return margin

    first = taken

    with pytest.raises(ValueError, match=r"'taken' is taken: it was defined at \S+:\d+ and again at \S+:\d+") as caught:

        @ll.margin_loss
        def taken(margin):
            return -margin

    assert str(caught.value).count("test_registry.py") == 2
    assert LOSSES["taken"].function is first


def test_filing_the_same_definition_again_replaces_it():
    for _ in range(2):

        @ll.margin_loss
        def reloaded(margin):
            return margin

    assert LOSSES["reloaded"].function is reloaded


def test_a_parameter_without_a_default_is_refused():
    with pytest.raises(ValueError, match="parameter 'width' has no default"):

        @ll.margin_loss
        def broken(margin, width):
            return margin * width

    with pytest.raises(ValueError, match="takes 1 arguments; it must take 2"):

        @ll.label_loss
        def short(output):
            return output

    assert not {"broken", "short"} & set(LOSSES)


def test_an_unknown_claim_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no such claim: convexx. Claims: aliases, convex, decreasing"):

        @ll.margin_loss(convexx=True)
        def claims_too_much(margin):
            return margin

    with pytest.raises(ValueError, match="no such claim: convex"):

        @ll.activation(convex=True)
        def claims_wrongly(score):
            return score


def test_binding_names_and_hashes_an_entry():
    focal = LOSSES["focal"]
    bound = focal.bind(gamma=1.0)
    assert bound.name == "focal(gamma=1.0)"
    assert bound.settings() == {"gamma": 1.0}
    assert focal.settings() == {"gamma": 2.0}
    assert bound == find(LOSSES, "focal(gamma=1.0)") == find(LOSSES, functools.partial(ll.losses.focal, gamma=1.0))
    assert hash(bound) == hash(focal.bind(gamma=1.0))
    assert bound.bind(gamma=3.0).name == "focal(gamma=3.0)"
    assert float(bound(0.5)) == pytest.approx(0.5 * 0.6931472)
    assert focal.bind() == focal
    with pytest.raises(ValueError, match="focal has no parameter width; its parameters: gamma"):
        focal.bind(width=1.0)
    with pytest.raises(ValueError, match="logistic has no parameter tie; its parameters: none"):
        LOSSES["logistic"].bind(tie=0.5)


def test_claims_may_depend_on_parameters():
    relu = ACTIVATIONS["shifted_relu"]
    assert relu.claim("range")[0] == -1.0
    assert relu.bind(c=0.25).claim("range")[0] == -0.25
    assert relu.bind(c=0.25).claim("kinks") == (-0.25,)
    assert ACTIVATIONS["elu"].claim("kinks") == ()
    assert ACTIVATIONS["elu"].bind(alpha=2.0).claim("kinks") == (0.0,)
    assert LOSSES["tsallis"].claim("convex") is True
    assert LOSSES["tsallis"].bind(alpha=3.0).claim("convex") is None
    assert LOSSES["hinge"].claim("kinks") == (1.0,)


def test_every_loss_names_its_place_and_states_its_claims(loss):
    _documented(loss, "losses.py")
    assert loss.source


def test_every_activation_names_its_place_and_states_its_claims(activation):
    _documented(activation, "activations.py")
    assert activation.claim("range") is not None


def _documented(entry, file):
    assert file in entry.place
    assert entry.function.__doc__
    assert entry.claim("kinks") is not None
    assert all(isinstance(alias, Alias) for alias in entry.aliases)


def test_only_literals_are_read_from_a_name():
    with pytest.raises(ValueError, match="Cannot read"):
        find(LOSSES, "focal(gamma=__import__('os').getpid())")
    with pytest.raises(ValueError, match="Cannot read"):
        find(LOSSES, "focal(gamma=1.0")
    assert find(LOSSES, " hinge ").name == "hinge"


def test_data_sets_are_filed_by_the_same_door():
    from lossland.data import DATASETS

    @dataset(real=False, about="a test")
    def a_data_set(n=3):
        return n

    try:
        assert find(DATASETS, "a_data_set(n=5)")() == 5
        with pytest.raises(ValueError, match=r"No data set is called 'a_data_sett'. Did you mean a_data_set"):
            find(DATASETS, "a_data_sett")
        with pytest.raises(ValueError, match="is not a loss"):
            find(LOSSES, DATASETS["a_data_set"])
    finally:
        del DATASETS["a_data_set"]
