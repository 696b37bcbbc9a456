"""`mnist-mlp report`: a run in one HTML file that needs nothing else."""

import io
import sys
from base64 import b64encode
from html import escape
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from string import Template

import markdown
import nh3

from mnist_mlp.console.command_parser import CommandParser
from mnist_mlp.console.figures import check_drawing, new_figure
from mnist_mlp.console.files import check_file, replaced_at_once
from mnist_mlp.console.percent import percent
from mnist_mlp.dashboard.curves import Chart, charts_of, draw_chart
from mnist_mlp.dashboard.run_log import RunLog, find_runs, read_run

# What Markdown makes of a run's texts, without links and images: a run may come from anybody.
SAFE_TAGS = {"p", "br", "hr", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li"}
SAFE_TAGS |= {"h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}
RESULTS = ("train", "val", "test", "time")  # groups of tags


def run(args: list[str]) -> int:
    """Run `mnist-mlp report`.

    Returns:
        The exit status, 0.

    Raises:
        ValueError: if there is no run, or it cannot be drawn.
        OSError: if the file cannot be written.
    """
    parser = CommandParser(
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
    log = read_run(folder)
    page = page_of(log)
    with replaced_at_once(path) as part:
        part.write_text(page, encoding="utf-8", errors="replace")
    for problem in log.problems:
        print(problem, file=sys.stderr)
    print(path)
    return 0


def page_of(log: RunLog) -> str:
    """The HTML of a run."""
    title = f"{log.folder.resolve().parent.name} {log.folder.resolve().name}"
    sections = {
        "What could not be read": problems_of(log),
        "Results": results_of(log),
        "Curves": curves_of(log),
        "Pictures": pictures_of(log),
        "Network": _html(log.texts.get("model", "")),
        "Configuration": config_of(log),
        "Environment": _html(log.texts.get("environment", "")),
    }
    body = "\n".join(f"<h2>{name}</h2>\n{content}" for name, content in sections.items() if content)
    page = files("mnist_mlp.dashboard").joinpath("report_page.html").read_text(encoding="utf-8")
    return Template(page).substitute(title=escape(title), body=body)


def problems_of(log: RunLog) -> str:
    """A list of what could not be read, where there is something."""
    problems = "".join(f"<li>{escape(problem)}</li>" for problem in log.problems)
    return f"<ul>{problems}</ul>" if problems else ""


def results_of(log: RunLog) -> str:
    """A table of the last values, and of the best accuracy on the validation images."""
    scalars = log.scalars
    tags = log.results or [tag for tag in scalars if tag.split("/")[0] in RESULTS]
    values = {tag: scalars[tag][1][-1] for tag in tags if tag in scalars}
    if "val/acc" in scalars:
        values = {"best val/acc": max(scalars["val/acc"][1])} | values
    shown = {name: percent(value) if name.endswith("acc") else f"{value:.4g}" for name, value in values.items()}
    rows = (f'<tr><td>{escape(name)}</td><td class="number">{value}</td></tr>' for name, value in shown.items())
    table = f"<table>{''.join(rows)}</table>" if shown else ""
    last_steps = {tag: steps[-1] for tag, (steps, _) in scalars.items() if not tag.startswith("test/")}
    ended = last_steps.get("time/training_seconds")
    cut_off = ended is None or ended < max(last_steps.values())
    return f"{table}<p>The log holds no end of this training.</p>" if cut_off else table


def curves_of(log: RunLog) -> str:
    """The run's charts, as SVG."""
    charts = "".join(svg_of(chart) for chart in charts_of(log))
    return f'<div class="charts">{charts}</div>' if charts else ""


def svg_of(chart: Chart) -> str:
    """A chart as an SVG element, the same for the same curves."""
    figure = new_figure(5.2, 3.4)
    draw_chart(figure.subplots(), chart)
    drawn = io.StringIO()
    with import_module("matplotlib").rc_context({"svg.hashsalt": chart.title}):  # else its ids are drawn at random
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()[drawn.getvalue().index("<svg") :]


def pictures_of(log: RunLog) -> str:
    """The last picture of each tag, with its caption."""
    figures = []
    for tag, image in log.images.items():
        caption = escape(image.caption or tag)  # the runs of earlier versions have no captions
        source = f"data:image/png;base64,{b64encode(image.png).decode()}"
        figures.append(
            f'<figure><img src="{source}" alt="{caption}">'
            f"<figcaption>{caption}; after {image.step:,} mini-batches.</figcaption></figure>"
        )
    return "\n".join(figures)


def config_of(log: RunLog) -> str:
    """The run's configuration as it stands in its folder."""
    config = log.folder / "config.yaml"
    if not config.is_file():
        return ""
    return f"<pre>{escape(config.read_text(encoding='utf-8', errors='replace'))}</pre>"


def _html(text: str) -> str:
    try:
        html = markdown.markdown(escape(text), extensions=["tables"])
    except RecursionError:
        html = f"<pre>{escape(text)}</pre>"
    aligned = {"th": {"style"}, "td": {"style"}}
    return nh3.clean(html, tags=SAFE_TAGS, attributes=aligned, filter_style_properties={"text-align"})
