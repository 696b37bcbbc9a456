"""`mnist-mlp report`: a run in one HTML file that needs nothing else."""

import argparse
import io
import re
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from importlib import import_module
from pathlib import Path

import markdown

from mnist_mlp.console.figures import check_drawing
from mnist_mlp.console.files import check_file
from mnist_mlp.dashboard.panels import LAYOUT, RESULTS
from mnist_mlp.dashboard.run_log import RunLog, find_runs, read_run

PICTURES = {
    "weights/first_layer": "Incoming weights of the first layer: blue is negative, white 0, red positive",
    "digits/distorted": "Images that train, in the odd rows, and below each one way in which it is distorted",
    "mistakes": "The mistakes that the network was surest of: what it says, what is true, its probability",
    "right": "Some that it gets right",
    "confusions": "Confusion matrix: each row is what is true, each column what the network says",
    "reliability": "Reliability: how often it is right where it is so sure; a network that knows would lie on the line",
}

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 1000px; margin: 2em auto; padding: 0 1em; }}
h1, h2 {{ line-height: 1.2; }}
h2 {{ border-bottom: 1px solid #ddd; padding-bottom: 0.2em; margin-top: 2em; }}
table {{ border-collapse: collapse; margin: 1em 0; }}
th, td {{ padding: 0.25em 0.9em 0.25em 0; text-align: left; border-bottom: 1px solid #eee; }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
pre {{ background: #f6f6f6; padding: 1em; overflow-x: auto; font-size: 13px; line-height: 1.4; }}
figure {{ margin: 1.5em 0; }}
figcaption {{ color: #555; }}
img, svg {{ max-width: 100%; height: auto; }}
.charts {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 1em; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def run(args: list[str]) -> int:
    """Run `mnist-mlp report`.

    Returns:
        The exit status, 0.

    Raises:
        ValueError: if there is no run, or it cannot be drawn.
        OSError: if the file cannot be written.
    """
    parser = argparse.ArgumentParser(
        "mnist-mlp report",
        description="Write what TensorBoard shows of a run into one HTML file, to be kept or mailed.",
    )
    parser.add_argument("run", type=Path, help="a run's folder, or a folder of runs, whose newest is taken")
    parser.add_argument("--output", type=Path, metavar="PATH", help="(default: report.html in the run's folder)")
    options = parser.parse_args(args)
    check_drawing()
    folder = find_runs(options.run)[-1]
    path = options.output or folder / "report.html"
    check_file("output", path)
    path.write_text(page_of(read_run(folder)), encoding="utf-8")
    print(path)
    return 0


def page_of(log: RunLog) -> str:
    """The HTML of a run."""
    title = f"{log.folder.resolve().parent.name} {log.folder.resolve().name}"
    sections = {
        "Results": results_of(log.scalars),
        "Curves": curves_of(log.scalars),
        "Pictures": pictures_of(log),
        "Network": _html(log.texts.get("model", "")),
        "Configuration": config_of(log),
        "Environment": _html(log.texts.get("environment", "")),
    }
    body = "\n".join(f"<h2>{name}</h2>\n{content}" for name, content in sections.items() if content)
    return PAGE.format(title=escape(title), body=body)


def results_of(scalars: Mapping[str, tuple[list[int], list[float]]]) -> str:
    """A table of the last values, and of the best accuracy on the validation images."""
    values = {tag: scalars[tag][1][-1] for tag in RESULTS if tag in scalars}
    if "val/acc" in scalars:
        values = {"best val/acc": max(scalars["val/acc"][1])} | values
    shown = {name: f"{value:.2%}" if name.endswith("acc") else f"{value:.4g}" for name, value in values.items()}
    rows = (f'<tr><td>{name}</td><td class="number">{value}</td></tr>' for name, value in shown.items())
    table = f"<table>{''.join(rows)}</table>" if shown else ""
    last_steps = {tag: steps[-1] for tag, (steps, _) in scalars.items() if not tag.startswith("test/")}
    ended = last_steps.get("time/training_seconds")
    cut_off = ended is None or ended < max(last_steps.values())
    return f"{table}<p>The log holds no end of this training.</p>" if cut_off else table


def curves_of(scalars: Mapping[str, tuple[list[int], list[float]]]) -> str:
    """The charts of `mnist_mlp.dashboard.panels.LAYOUT` for which there are values, as SVG."""
    charts = []
    for category in LAYOUT.values():
        for title, (_, patterns) in category.items():
            tags = [tag for tag in scalars if any(re.fullmatch(pattern, tag) for pattern in patterns)]
            if tags:
                charts.append(_chart(title, {tag: scalars[tag] for tag in tags}))
    return f'<div class="charts">{"".join(charts)}</div>' if charts else ""


def _chart(title: str, curves: Mapping[str, tuple[list[int], list[float]]]) -> str:
    figure = import_module("matplotlib.figure").Figure(figsize=(5.2, 3.4), layout="constrained")
    axes = figure.subplots()
    for tag, (steps, values) in sorted(curves.items()):
        axes.plot(steps, values, label=tag, marker="." if len(steps) < 40 else None)
    axes.set_title(title, fontsize=11)
    axes.set_xlabel("mini-batches")
    axes.grid(color="#dddddd")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    drawn = io.StringIO()
    with import_module("matplotlib").rc_context({"svg.hashsalt": title}):  # its ids are drawn at random otherwise
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()[drawn.getvalue().index("<svg") :]


def pictures_of(log: RunLog) -> str:
    """The last pictures, each with what it shows."""
    figures = []
    for name, caption in PICTURES.items():
        for tag, image in log.images.items():
            if tag in (name, f"val/{name}", f"train/{name}"):
                source = f"data:image/png;base64,{b64encode(image.png).decode()}"
                words = f"{caption}; after {image.step:,} mini-batches."
                figures.append(
                    f'<figure><img src="{source}" alt="{escape(caption)}">'
                    f"<figcaption>{escape(words)}</figcaption></figure>"
                )
    return "\n".join(figures)


def config_of(log: RunLog) -> str:
    """The run's configuration as it stands in its folder."""
    config = log.folder / "config.yaml"
    return f"<pre>{escape(config.read_text(errors='replace'))}</pre>" if config.exists() else ""


def _html(text: str) -> str:
    return markdown.markdown(escape(text), extensions=["tables"])
