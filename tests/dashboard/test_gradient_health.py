import pytest

TAGS = {
    "delta_norm": (1, 2, 3),
    "gradient_norm": (1, 2, 3),
    "update_ratio": (1, 2, 3),
    "dead": (1,),
    "saturated": (2,),
}


def test_each_layer_is_measured_before_the_first_epoch_and_after_each(fit, events_of):
    events = events_of(fit())
    for name, layers in TAGS.items():
        tags = {tag for tag in events.Tags()["scalars"] if tag.startswith(f"{name}/")}
        assert tags == {f"{name}/layer_{layer}" for layer in layers}
        for tag in tags:
            assert [point.step for point in events.Scalars(tag)] == [0, 5, 10, 15]


@pytest.mark.parametrize(
    "args",
    [
        ["--model.optimizer=LBFGS", "--data.steps_per_execution=1"],
        ["--trainer.gradient_clip_val=0.1"],
        ["--model.initializer=zeros"],
    ],
    ids=str,
)
def test_a_step_that_cannot_be_foretold_has_no_ratio(fit, events_of, args):
    tags = events_of(fit(*args, epochs=1)).Tags()["scalars"]
    assert "delta_norm/layer_1" in tags
    assert not [tag for tag in tags if tag.startswith("update_ratio")]


def test_the_gradients_are_those_of_all_mini_batches_of_a_step(fit, events_of, tmp_path):
    def first(run):
        events = events_of(run)
        tags = [tag for tag in events.Tags()["scalars"] if tag.startswith(("gradient_norm", "update_ratio"))]
        return {tag: events.Scalars(tag)[0].value for tag in tags}

    single = "--data.steps_per_execution=1"
    one = first(fit("--data.batch_size=16", single, epochs=1, folder=tmp_path / "one"))
    two = first(fit("--trainer.accumulate_grad_batches=2", single, epochs=1, folder=tmp_path / "two"))
    assert len(one) == 6
    assert two == one
