"""Draw the curves of runs, large enough for a lecture hall: python scripts/compare_runs.py PNG RUN [RUN ...].

Of one run it draws the charts of mnist-mlp report; of several runs, or where --tags names some, one chart for each tag
with a curve for each run. RUN is a run's folder, or a folder of runs, whose newest is taken. Needs the extra "plots".
"""

import argparse
from pathlib import Path

from matplotlib import rc_context

from mnist_mlp.console.figures import new_figure
from mnist_mlp.dashboard.curves import charts_of, compare, draw_chart
from mnist_mlp.dashboard.run_log import find_runs, read_run

WIDTH, HEIGHT, PAD = 5.2, 4.2, 0.15  # inches of a chart
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("png", type=Path)
parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
parser.add_argument("--tags", nargs="+", metavar="TAG", help="such as val/acc delta_norm/layer_1")
options = parser.parse_args()
if len(options.runs) > 1 and not options.tags:
    parser.error("several runs are compared by tags: name some with --tags, such as val/acc delta_norm/layer_1")

folders = [find_runs(run)[-1].resolve() for run in options.runs]
names = [folder.parent.name for folder in folders]
if len(set(names)) < len(names):
    names = [f"{folder.parent.name} {folder.name}" for folder in folders]
logs = dict(zip(names, map(read_run, folders), strict=True))
charts = compare(logs, options.tags) if options.tags else charts_of(*logs.values())
columns = min(len(charts), 2)
rows = -(-len(charts) // columns)
with rc_context({"font.size": 16, "axes.titlesize": 18, "lines.linewidth": 2.5}):
    figure = new_figure(WIDTH * columns, HEIGHT * rows)
    figure.get_layout_engine().set(w_pad=PAD, h_pad=PAD)
    for chart, axes in zip(charts, figure.subplots(rows, columns, squeeze=False).flat, strict=False):
        draw_chart(axes, chart)
    for axes in figure.axes[len(charts) :]:
        axes.remove()
    figure.savefig(options.png, dpi=100)
