"""`mnist-mlp predict` with pictures, as its users meet it."""

import csv
import io
import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
from handwriting.drawing import file_of, image_of, page
from PIL import Image

from mnist_mlp import TrainedNetwork
from mnist_mlp.cli import main

pytestmark = pytest.mark.usefixtures("without_shape_checks")


@pytest.fixture
def run(digits_run, tmp_path, monkeypatch, capsys):
    """Run `mnist-mlp predict` in a folder with a trained network; gives the exit status, and what it printed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").symlink_to(digits_run)

    def predict(*args):
        status = 0
        try:
            main(["predict", *map(str, args)])
        except SystemExit as stop:
            status = stop.code
            if isinstance(status, str):
                print(status, file=sys.stderr)
                status = 1
        return status, *capsys.readouterr()

    return predict


def draw(path, *digits, **settings):
    """Draw digits side by side into a file."""
    Path(path).parent.mkdir(exist_ok=True, parents=True)
    placed = [(digit, 10 + 125 * i, 90) for i, digit in enumerate(digits)]
    image_of(page(*placed, size=(300, max(300, 125 * len(digits) + 20)), **settings)).save(path)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def lines_of(out):
    """The words of each line."""
    return [line.split() for line in out.splitlines()]


def test_a_row_for_each_file(run):
    draw("eight.png", 8)
    draw("many.png", 8, 1, 7)
    status, out, err = run("eight.png", "many.png")
    assert (status, err) == (0, "")
    assert "checkpoint logs/quickstart/version_0/checkpoints/best.ckpt" in out
    (eight,) = [line for line in lines_of(out) if line[:1] == ["eight.png"]]
    assert eight[1] == "8"
    assert eight[3] == "%"
    assert 90 <= float(eight[2]) <= 100
    (many,) = [line for line in lines_of(out) if line[:1] == ["many.png"]]
    assert "817" in " ".join(many)


def test_the_options_may_stand_anywhere(run):
    draw("a.png", 3)
    for args in (
        ["a.png", "--ckpt_path", "last"],
        ["--ckpt_path=last", "a.png"],
        ["a.png", "--ckpt_path", "last", "a.png"],
    ):
        status, out, _ = run(*args)
        assert status == 0
        assert "checkpoints/last.ckpt" in out
        assert out.count("a.png") == args.count("a.png")
    path = "logs/quickstart/version_0/checkpoints/best.ckpt"
    assert f"checkpoint {path}" in run("--ckpt_path", path, "--name", "quickstart", "a.png")[1]


def test_without_pictures_it_is_what_it_was(run, digits_run):
    status, out, _ = run("--trainer.enable_progress_bar", "false", "--data.val_size", "300", "--ckpt_path", "last")
    assert status == 0
    assert "300 validation images" in out
    predictions = digits_run / "quickstart" / "version_0" / "predictions.csv"
    assert predictions.exists()
    predictions.unlink()
    assert "unrecognized arguments: --nonsense" in run("--nonsense", "300")[2].lower()


def test_help_speaks_of_both(run):
    status, out, _ = run("--help")
    assert status == 0
    assert "--picture PATH" in out
    assert "--model.hidden_sizes" in out


def test_settings_beside_pictures_are_refused(run):
    draw("a.png", 3)
    status, _, err = run("a.png", "--data.val_size", "300")
    assert status == 2
    assert "unrecognized arguments: --data.val_size" in err
    status, _, err = run("--csv", "a.csv")
    assert status == 1
    assert "--csv, --json and --picture are for pictures: name files, or a folder" in err


def test_csv_has_a_row_for_each_digit(run):
    draw("many.png", 4, 1)
    Image.new("L", (200, 200), 220).save("blank.png")
    status, _, _ = run("many.png", "blank.png", "gone.png", "--csv", "answers.csv")
    assert status == 1
    first, second, blank, gone = rows_of(Path("answers.csv").read_text())
    assert [first["file"], first["digit"], first["prediction"]] == ["many.png", "1", "4"]
    assert [second["digit"], second["prediction"], second["problem"]] == ["2", "1", ""]
    assert first["unsure"] == ("yes" if float(first["probability"]) < 0.9 else "no")
    assert float(first["probability"]) > float(first["second_probability"])
    assert int(first["left"]) < int(first["right"]) <= int(second["left"]) < int(second["right"])
    assert (blank["prediction"], blank["problem"]) == ("", "no digit found")
    assert (gone["prediction"], gone["problem"]) == ("", "is not a file: give the name of a picture")


def test_json_has_everything(run):
    draw("many.png", 4, 1)
    Image.new("L", (200, 200), 220).save("blank.png")
    run("many.png", "blank.png", "--json", "answers.json")
    said = json.loads(Path("answers.json").read_text())
    assert said["checkpoint"] == "logs/quickstart/version_0/checkpoints/best.ckpt"
    assert said["classes"] == list("0123456789")
    assert said["unsure_below"] == 0.9
    many, blank = said["pictures"]
    assert many["prediction"] == "41"
    assert many["probability"] == min(digit["probability"] for digit in many["digits"])
    assert many["second"] != "41"
    assert [len(digit["probabilities"]) for digit in many["digits"]] == [10, 10]
    assert len(many["digits"][0]["box"]) == 4
    assert blank == {"file": "blank.png", "prediction": None, "problem": "no digit found"}
    assert "score" not in said


@pytest.mark.parametrize("option", ["csv", "json"])
def test_a_minus_is_the_standard_output_and_nothing_else_is(run, option):
    draw("3_a.png", 3)
    Path("pictures").mkdir()
    shutil.move("3_a.png", "pictures")
    (Path("pictures") / "notes.txt").touch()
    status, out, err = run("pictures", f"--{option}", "-")
    assert status == 0
    if option == "csv":
        assert [row["prediction"] for row in rows_of(out)] == ["3"]
    else:
        assert json.loads(out)["score"]["right"] == 1
    assert "100.0 % right, n = 1" in err
    assert "skipped, since they are no pictures: 1" in err


def test_a_broken_file_stops_no_other(run):
    draw("a.png", 8)
    draw("z.png", 7)
    content = file_of(image_of(page((3, 130, 70))))
    broken = {"cut.png": content[:300], "empty.png": b"", "text.png": b"hello", "zeros.jpg": bytes(100)}
    for name, data in broken.items():
        Path(name).write_bytes(data)
    Path("folder.png").mkdir()
    status, out, err = run("a.png", *broken, "gone.png", "z.png")
    assert (status, err) == (1, "")
    assert "5 of 7 files could not be read" in out.splitlines()[-1]
    words = " ".join(out.split())
    assert words.count("cannot be read as a picture") == 4
    assert [line[1] for line in lines_of(out) if line[:1] in (["a.png"], ["z.png"])] == ["8", "7"]
    assert "Traceback" not in out


def test_the_only_file_says_so_in_a_sentence(run):
    Path("text.png").write_bytes(b"hello")
    for name, why in (("text.png", "cannot be read as a picture"), ("gone.png", "is not a file")):
        status, out, err = run(name)
        assert (status, out) == (1, "")
        assert err.startswith(f"mnist-mlp: error: {name} {why}")
        assert err.count("\n") == 1


def test_a_decompression_bomb_is_refused(run):
    Image.new("1", (20_000, 20_000)).save("bomb.png")
    status, _, err = run("bomb.png")
    assert status == 1
    assert "400000000 pixels" in err
    assert err.count("\n") == 1


def test_odd_pictures_are_answered(run):
    eight = image_of(page((8, 130, 70)))
    eight.convert("CMYK").save("cmyk.tif")
    eight.save("moving.gif", save_all=True, append_images=[image_of(page((7, 130, 70)))])
    Image.new("RGB", (1, 1)).save("tiny.png")
    status, out, _ = run("cmyk.tif", "moving.gif", "tiny.png")
    assert status == 0
    assert [line[1] for line in lines_of(out) if line[:1] in (["cmyk.tif"], ["moving.gif"])] == ["8", "8"]
    assert ["tiny.png", "no", "digit", "found"] in lines_of(out)


def test_an_unsure_answer_says_so(run, monkeypatch):
    draw("a.png", 3)
    probabilities = torch.tensor([[0.0, 0.0, 0.0, 0.6, 0.0, 0.4, 0.0, 0.0, 0.0, 0.0]])
    monkeypatch.setattr(TrainedNetwork, "predict_proba", lambda self, images: probabilities)
    (line,) = [line for line in lines_of(run("a.png", "--json", "answers.json")[1]) if line[:1] == ["a.png"]]
    assert line == ["a.png", "unsure:", "3?", "60.0", "%", "5", "40.0", "%"]
    (picture,) = json.loads(Path("answers.json").read_text())["pictures"]
    assert picture["unsure"]
    assert (picture["prediction"], picture["second"]) == ("3", "5")


def test_a_sure_answer_on_no_paper_says_why(run, monkeypatch):
    draw("a.png", 8)
    monkeypatch.setattr("mnist_mlp.prediction.trained_network.is_uneven", lambda ink: True)
    assert "unsure: 8? (uneven paper)" in run("a.png")[1]


def test_a_folder_with_labels_is_scored(run):
    for name, digit in (("8/a.png", 8), ("8/b.png", 8), ("7/a.png", 7), ("1/wrong.png", 0)):
        draw(f"pictures/{name}", digit)
    Path("pictures/7/notes.txt").touch()
    Path("pictures/7/broken.png").write_bytes(b"no")
    status, out, _ = run("pictures", "--json", "answers.json")
    assert status == 1
    assert "60.0 % right, n = 5; of the 4 answers that are not unsure (a probability of 0.9 and more) 75.0 %" in out
    assert "skipped, since they are no pictures: 1" in out
    assert "1 of 5 files could not be read" in out
    lines = lines_of(out)
    assert ["label", "0", "7", "8", "other"] in lines
    assert ["1", "1", "·", "·", "·"] in lines
    assert ["8", "·", "·", "2", "·"] in lines
    assert ["7", "·", "1", "·", "1"] in lines
    score = json.loads(Path("answers.json").read_text())["score"]
    assert score == {"n": 5, "right": 3, "n_sure": 4, "right_of_sure": 3}


def test_labels_of_several_digits(run):
    draw("pictures/a.png", 4, 1)
    draw("pictures/b.png", 7)
    Path("pictures/labels.csv").write_text("file,label\na.png,41\nb.png,1\ngone.png,4\n")
    status, out, _ = run("pictures", "--csv", "answers.csv")
    assert status == 1
    assert "33.3 % right, n = 3" in out
    assert [row["label"] for row in rows_of(Path("answers.csv").read_text())] == ["41", "41", "1", "4"]
    assert ["label", "7", "other"] in lines_of(out)


def test_labels_are_never_written_over(run):
    draw("pictures/a.png", 3)
    labels = Path("pictures/labels.csv")
    labels.write_text("file,label\na.png,3\n")
    before = Path("pictures/a.png").read_bytes()
    for option, target in (("csv", labels), ("json", "pictures/../pictures/labels.csv"), ("picture", "pictures/a.png")):
        status, _, err = run("pictures", f"--{option}", target)
        assert status == 1
        assert f"--{option} must not name what is read" in err
    assert "must not name what is read" in run("pictures/a.png", "--picture", "pictures/a.png")[2]
    assert labels.read_text() == "file,label\na.png,3\n"
    assert Path("pictures/a.png").read_bytes() == before


def test_what_is_written_over_is_said(run):
    draw("a.png", 3)
    assert "answers.csv (in place of" not in run("a.png", "--csv", "answers.csv")[1]
    assert "answers.csv (in place of the one that was there)" in run("a.png", "--csv", "answers.csv")[1]


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["a.png", "--csv", "nowhere/a.csv"], "--csv must name a file that can be written"),
        (["a.png", "--json", "."], "--json must name a file that can be written"),
        (["a.png", "--picture", "a.jpg"], "--picture must name a .png file"),
        (["a.png", "--csv", "-", "--json", "-"], "--csv and --json cannot both go to the standard output"),
        (["a.png", "empty"], "give files, or one folder; got the folder empty among 2"),
        (["empty"], "empty holds no picture"),
        (["a.png", "--ckpt_path", "nothing"], "there is no file nothing"),
        (["a.png", "--ckpt_path", "a.png"], "a.png is not a checkpoint of this project"),
        (["a.png", "--name", "other"], "has a best checkpoint"),
    ],
)
def test_bad_input_is_one_sentence(run, args, why):
    draw("a.png", 3)
    Path("empty").mkdir()
    before = {path: path.read_bytes() for path in Path().glob("*.*")}
    status, out, err = run(*args)
    assert (status, out) == (1, "")
    assert why in err
    assert err.count("\n") == 1
    assert {path: path.read_bytes() for path in Path().glob("*.*")} == before


def test_names_with_brackets_are_shown_as_they_are(run):
    draw("[bold]a.png", 3)
    assert "[bold]a.png" in run("[bold]a.png")[1]
