import pytest

from mnist_mlp.sweep.search import read_search

DRAWN = {
    "model.optimizer.lr": 0.01,
    "model.optimizer.momentum": 0.9,
    "model.hidden_sizes.depth": 2,
    "model.hidden_sizes.width": 5,
}


def search_with(config, old, new):
    """The search after one part of its file was replaced."""
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))
    return read_search(config)


def test_what_is_drawn_is_set_where_it_belongs(config):
    settings = read_search(config).settings_of(DRAWN)
    assert settings["model"]["optimizer"] == {
        "class_path": "torch.optim.SGD",
        "init_args": {"lr": 0.01, "momentum": 0.9},
    }
    assert settings["model"]["hidden_sizes"] == [5, 5]
    assert settings["name"] == "small"
    assert "search" not in settings


def test_the_number_of_a_range_is_read_as_fit_reads_it(config):
    assert read_search(config).parameters["model.optimizer.lr"].corners == (1e-3, 1)


def test_one_of_the_drawn_settings_is_checked_as_a_training(config):
    session, *_ = read_search(config).check()
    assert session.model.mlp.sizes == (784, 3, 10)
    assert session.config.model.optimizer.init_args.lr == 1e-3


@pytest.mark.parametrize("optimizer", ["optimizer: SGD", "dropout: 0.0"])  # named by its name alone, and by default
def test_an_optimizer_has_its_arguments_where_it_is_not_spelt_out(config, optimizer):
    session, *_ = search_with(config, "optimizer: {class_path: torch.optim.SGD}", optimizer).check()
    assert session.config.model.optimizer.class_path == "torch.optim.SGD"
    assert session.config.model.optimizer.init_args.lr == 1e-3


def test_the_optimizer_and_its_arguments_may_both_be_drawn(config):
    text = config.read_text().replace("  optimizer: {class_path: torch.optim.SGD}\n", "")
    config.write_text(text.replace("model.optimizer.momentum: [0.0, 0.9]", "model.optimizer: [SGD, Adam]"))
    search = read_search(config)
    drawn = {**DRAWN, "model.optimizer": "Adam"}
    assert search.settings_of(drawn)["model"]["optimizer"] == {"class_path": "Adam", "init_args": {"lr": 0.01}}
    search.check()


def test_the_digest_is_that_of_what_is_trained(config):
    digest = read_search(config).digest
    assert search_with(config, "# a comment", "# another").digest == digest
    assert search_with(config, "high: 12", "high: 13").digest != digest
    assert search_with(config, "high: 13", "high: 12").digest == digest
    assert search_with(config, "max_epochs: 3", "max_epochs: 4").digest != digest
    assert search_with(config, "depth: [1, 2]", "depth: 1").digest != search_with(config, "depth: 1", "depth: 2").digest


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("model.optimizer.lr:", "model.optimizer.lrr:", "model.optimizer: SGD has no lrr; did you mean lr?"),
        ("model.optimizer.lr:", "model.droput:", "did you mean model.dropout?"),
        ("model.optimizer.lr:", "lr:", "'lr' is not accepted"),
        ("[0.0, 0.9]", "[0.0, fast]", "momentum"),
        ("[0.0, 0.9]", "[0.0, -3.0, 0.9]", "model.optimizer: Invalid momentum value: -3.0"),
        ("high: 1,", "high: 1e400,", "high of model.optimizer.lr must be a finite number"),
        ("low: 1e-3, high: 1, log: true", "low: -1, high: 1", "model.optimizer: Invalid learning rate: -1.0"),
        (
            "torch.optim.SGD}",
            "torch.optim.SGD, init_args: {lr: 0.1}}",
            "model.optimizer.lr is searched, and set to 0.1, too; leave one out",
        ),
        ("  gradients: manual\n", "  hidden_sizes: [30]\n", "model.hidden_sizes is searched, and set to [30], too"),
        ("val_size: 100", "val_size: 0", "a sweep chooses by the validation images; give data.val_size more than 0"),
        ("model.optimizer.momentum: [0.0, 0.9]", "data.val_size: [50, 100]", "data.val_size cannot be searched"),
    ],
)
def test_what_fit_does_not_understand_is_refused_before_anything_is_trained(config, old, new, sentence):
    with pytest.raises(ValueError, match=r"\w") as refused:
        search_with(config, old, new).check()
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("section", ["", "search:\n", "search: {}\n", "search: 3\n", "search: [model.optimizer.lr]\n"])
def test_an_empty_search_is_refused(config, section):
    before = config.read_text().split("search:")[0]
    config.write_text(before + section)
    with pytest.raises(ValueError, match=r"small.yaml must have a section search: with settings and their ranges"):
        read_search(config)


def test_a_file_that_is_not_there(config):
    with pytest.raises(ValueError, match="File does not exist"):
        read_search(config.with_name("none.yaml"))
