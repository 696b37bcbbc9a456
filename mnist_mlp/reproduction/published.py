"""Published results of plain multilayer perceptrons, and the configurations that are to reproduce them."""

from typing import Literal, NamedTuple

Split = Literal["train", "val", "test"]
Epoch = Literal["first", "last", "peak", "best"]

SPLITS = {"train": "training", "val": "validation", "test": "test"}
EPOCHS = {"first": "after one epoch", "last": "last epoch", "peak": "peak", "best": "at best validation"}


class Figure(NamedTuple):
    """A published number.

    Attributes:
        split: The images it was measured on.
        epoch: Whether it is that after the first or the last epoch, at the peak of its own curve, or at the epoch that
            was best on the validation images.
        published: The accuracy in percent.
        best_of: How many runs it is the best of.
        note: What else is to be known of it.
    """

    split: Split
    epoch: Epoch
    published: float
    best_of: int = 1
    note: str = ""

    @property
    def metric(self) -> str:
        """The metric in words."""
        best = f", best of {self.best_of}" if self.best_of > 1 else ""
        return f"{SPLITS[self.split]}, {EPOCHS[self.epoch]}{best}"


class Row(NamedTuple):
    """A published recipe; its configuration is the file of its name.

    Attributes:
        source: Where it was published.
        figures: Its numbers, the main one first.
        seeds: How many networks are trained.
        at_most: What its accuracies may be at most, in percent, where the recipe is published as a failure.
        drawn: The images whose curves are drawn besides.
    """

    source: str
    figures: tuple[Figure, ...]
    seeds: int = 3
    at_most: float | None = None
    drawn: tuple[Split, ...] = ()

    @property
    def splits(self) -> tuple[Split, ...]:
        """The images to measure."""
        chosen: list[Split] = ["val"] if any(figure.epoch == "best" for figure in self.figures) else []
        return tuple(dict.fromkeys([*chosen, *(figure.split for figure in self.figures), *self.drawn]))


def _nielsen(
    chapter: int,
    *figures: Figure,
    seeds: int | None = None,
    at_most: float | None = None,
    drawn: tuple[Split, ...] = (),
) -> Row:
    seeds = seeds or 5 * max(figure.best_of for figure in figures)
    return Row(f"Nielsen 2015, ch. {chapter}", figures, seeds, at_most, drawn)


def _in_the_style_of(source: str, error: float, epoch: Epoch = "last") -> Row:
    return Row(source, (Figure("test", epoch, round(100 - error, 2)),))


def _on_fashion_mnist(accuracy: float) -> Row:
    return Row("Xiao et al. 2017, Fashion-MNIST", (Figure("test", "last", accuracy),), seeds=5)


LECUN = "LeCun et al. 1998"
SIMARD = "Simard, Steinkraus, Platt 2003"
SRIVASTAVA = "Srivastava et al. 2014"

ROWS: dict[str, Row] = {
    "nielsen-ch1-30": _nielsen(1, Figure("test", "peak", 95.42, best_of=3), Figure("test", "last", 95.34, best_of=3)),
    "nielsen-ch1-100": _nielsen(
        1,
        Figure(
            "test",
            "peak",
            96.59,
            best_of=3,
            note="16 of our 20 runs (80 %, 95 % interval 56 to 94) never learn one to three of the digits, as the "
            "lesson stuck_outputs shows; the book's footnote says that some runs are quite a bit worse",
        ),
        seeds=20,
    ),
    "nielsen-ch1-slow": _nielsen(1, Figure("test", "last", 21.42), Figure("test", "first", 11.39), at_most=40),
    "nielsen-ch1-blowup": _nielsen(1, Figure("test", "last", 9.82), Figure("test", "first", 10.09), at_most=15),
    "nielsen-ch3-ce-30": _nielsen(
        3,
        Figure("test", "peak", 95.49, note="the text; the author's stored run has 95.33"),
        Figure("test", "last", 95.31, note="the author's stored run"),
    ),
    "nielsen-ch3-ce-100": _nielsen(3, Figure("test", "peak", 96.82)),
    "nielsen-ch3-overfit": _nielsen(
        3,
        Figure("test", "peak", 82.27),
        Figure("test", "last", 82.23, note="the author's stored run"),
        Figure("train", "last", 100.0, note="from epoch 67 on in the author's stored run"),
    ),
    "nielsen-ch3-overfit-l2": _nielsen(
        3,
        Figure("test", "peak", 87.1),
        Figure("test", "last", 86.95, note="the author's stored run"),
        drawn=("train",),
    ),
    "nielsen-ch3-l2-30": _nielsen(3, Figure("test", "peak", 96.49), Figure("test", "last", 95.61)),
    "nielsen-ch3-l2-100": _nielsen(3, Figure("val", "peak", 97.92)),
    "nielsen-ch3-l2-100-60": _nielsen(3, Figure("val", "peak", 98.04)),
    "nielsen-ch3-init-30-large": _nielsen(3, Figure("val", "last", 96.37), Figure("val", "first", 86.43)),
    "nielsen-ch3-init-30-scaled": _nielsen(3, Figure("val", "last", 96.50), Figure("val", "first", 92.70)),
    "nielsen-ch3-init-100-large": _nielsen(3, Figure("val", "last", 97.42)),
    "nielsen-ch3-init-100-scaled": _nielsen(3, Figure("val", "last", 97.81)),
    "nielsen-ch5-1": _nielsen(5, Figure("val", "last", 96.48)),
    "nielsen-ch5-2": _nielsen(5, Figure("val", "last", 96.90)),
    "nielsen-ch5-3": _nielsen(5, Figure("val", "last", 96.57)),
    "nielsen-ch5-4": _nielsen(5, Figure("val", "last", 96.53)),
    "nielsen-ch6-baseline": _nielsen(6, Figure("test", "best", 97.80, best_of=3)),
    "keras-mlp": Row(
        "Keras, examples/mnist_mlp.py", (Figure("test", "last", 98.40, note="the text is older than the code"),)
    ),
    "sklearn-filters": Row(
        "scikit-learn, plot_mnist_filters", (Figure("test", "last", 97.00), Figure("train", "last", 98.68))
    ),
    "sklearn-bench-sgd": Row("scikit-learn, benchmarks/bench_mnist.py", (Figure("test", "last", 97.13),)),
    "sklearn-bench-adam": Row("scikit-learn, benchmarks/bench_mnist.py", (Figure("test", "last", 97.76),)),
    "theano-mlp": Row("Theano deep learning tutorial, mlp.py", (Figure("test", "best", 98.35),)),
    "theano-logreg": Row(
        "Theano deep learning tutorial, logistic_sgd.py",
        (Figure("test", "best", 92.38, note="later texts have 92.51 of the first 9,600 test images, and so have we"),),
        seeds=1,
    ),
    "vat-baseline": Row("Miyato et al. 2018", (Figure("test", "last", 98.89, note="with batch norm"),)),
    "affine-elastic-small": Row("cybertronai, mnist-deep-mlp", (Figure("test", "last", 98.83),)),
    "fashion-relu-100": _on_fashion_mnist(87.1),
    "fashion-relu-100-10": _on_fashion_mnist(87.0),
    "fashion-tanh-100": _on_fashion_mnist(86.8),
    "fashion-tanh-100-10": _on_fashion_mnist(86.3),
    "fashion-relu-10-10": _on_fashion_mnist(85.0),
    "fashion-relu-10": _on_fashion_mnist(84.8),
    "fashion-tanh-10-10": _on_fashion_mnist(84.1),
    "fashion-tanh-10": _on_fashion_mnist(84.0),
    "lecun-linear": _in_the_style_of(LECUN, 12.0),
    "lecun-300": _in_the_style_of(LECUN, 4.7),
    "lecun-300-distorted": _in_the_style_of(LECUN, 3.6),
    "lecun-1000": _in_the_style_of(LECUN, 4.5),
    "lecun-1000-distorted": _in_the_style_of(LECUN, 3.8),
    "lecun-300-100": _in_the_style_of(LECUN, 3.05),
    "lecun-300-100-distorted": _in_the_style_of(LECUN, 2.5),
    "lecun-500-150": _in_the_style_of(LECUN, 2.95),
    "lecun-500-150-distorted": _in_the_style_of(LECUN, 2.45),
    "hinton-500-300": _in_the_style_of("Hinton, on the MNIST page", 1.53),
    "simard-800": _in_the_style_of(SIMARD, 1.6, "best"),
    "simard-800-affine": _in_the_style_of(SIMARD, 1.1, "best"),
    "simard-800-elastic": _in_the_style_of(SIMARD, 0.7, "best"),
    "simard-800-elastic-mse": _in_the_style_of(SIMARD, 0.9, "best"),
    "srivastava-800": _in_the_style_of(SRIVASTAVA, 1.60),
    "srivastava-dropout-logistic": _in_the_style_of(SRIVASTAVA, 1.35),
    "srivastava-dropout-relu": _in_the_style_of(SRIVASTAVA, 1.25),
    "srivastava-dropout-max-norm": _in_the_style_of(SRIVASTAVA, 1.06),
    "ciresan-2010-reduced": _in_the_style_of("Ciresan et al. 2010", 0.35, "best"),
    "ciresan-2010": _in_the_style_of("Ciresan et al. 2010", 0.35, "best"),  # the last, since it takes days
}
