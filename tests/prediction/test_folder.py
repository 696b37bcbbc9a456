import pytest

from mnist_mlp.prediction.folder import labels_in, pictures_in

DIGITS = tuple("0123456789")
CLOTHES = ("Ankle boot", "Bag", "T")


@pytest.fixture
def folder(tmp_path):
    """Make empty files of these names; labels.csv is written from a text."""

    def folder(*names, labels=None):
        for name in names:
            (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
            (tmp_path / name).touch()
        if labels is not None:
            (tmp_path / "labels.csv").write_bytes(labels if isinstance(labels, bytes) else labels.encode())
        return tmp_path

    return folder


def names_of(folder):
    pictures, others = pictures_in(folder)
    return [str(path.relative_to(folder)) for path in pictures], others


def labels_of(folder, classes=DIGITS):
    labels = labels_in(folder, pictures_in(folder)[0], classes)
    return {str(path.relative_to(folder)): label for path, label in labels.items()}


def test_pictures_come_in_natural_order_from_all_folders_below(folder):
    names = ("10.png", "2.JPG", "1.jpeg", "b/3.tif", "b/20.webp", "a/b/c/1.gif")
    assert names_of(folder(*names)) == (["1.jpeg", "2.JPG", "10.png", "a/b/c/1.gif", "b/3.tif", "b/20.webp"], 0)


def test_other_files_are_counted(folder):
    made = folder("1.png", "notes.txt", "a/x.pdf", ".DS_Store", "._1.png", "b", labels="file,label\n1.png,1\n")
    assert names_of(made) == (["1.png"], 5)


def test_a_folder_without_pictures_is_refused(folder):
    with pytest.raises(ValueError, match=r"holds no picture; looked for files that end in \.png"):
        pictures_in(folder("notes.txt"))


def test_labels_are_the_folders_names(folder):
    made = folder("7/a.png", "7/b.png", "3/a.png")
    assert labels_of(made) == {"7/a.png": "7", "7/b.png": "7", "3/a.png": "3"}
    assert labels_of(folder("x/1_a.png")) == {}  # where one picture has none, none has


def test_labels_are_the_names_beginnings(folder):
    assert labels_of(folder("7_a.png", "3_1_2.png", "x/0_.png")) == {"7_a.png": "7", "3_1_2.png": "3", "x/0_.png": "0"}


@pytest.mark.parametrize("names", [["a.png"], ["7.png"], ["10_a.png", "1_a.png"], ["img_7.png"], ["01_a.png"]])
def test_other_names_are_no_labels(folder, names):
    assert labels_of(folder(*names)) == {}


def test_one_class_with_one_picture_is_enough(folder):
    assert labels_of(folder("Bag/1.png"), CLOTHES) == {"Bag/1.png": "Bag"}


def test_labels_come_from_the_file_first(folder):
    made = folder("7_a.png", "b.png", "c.png", labels="\ufefflabel,more,file\n 12 ,x,7_a.png\n3,,b.png\n9,,gone.png\n")
    assert labels_of(made) == {"7_a.png": "12", "b.png": "3", "gone.png": "9"}


def test_names_of_several_letters_stand_with_spaces(folder):
    made = folder("a.png", labels="file,label\na.png,Bag T\n")
    assert labels_of(made, ("Bag", "T")) == {"a.png": "Bag T"}
    made = folder("a.png", labels="file,label\na.png,Ankle boot\n")
    assert labels_of(made, CLOTHES) == {"a.png": "Ankle boot"}


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ("", "it must have the columns file and label; it has nothing"),
        ("name,label\na.png,3\n", "it must have the columns file and label; it has name, label"),
        ("file;label\na.png;3\n", "it has file;label"),
        ("file,label\na.png,three\n", "line 2 must have a file, and a label made of 0, 1, .* got 'a.png' and 'three'"),
        ("file,label\na.png,1\nb.png\n", "line 3 .* got 'b.png' and ''"),
        ("file,label\n,1\n", "line 2 .* got '' and '1'"),
        ("file,label\na.png,1\na.png,2\n", "it says of a.png both 1 and 2"),
        ("file,label\n/a.png,1\n", "/a.png is not in this folder"),
        ("file,label\n../a.png,1\n", r"\.\./a.png is not in this folder"),
        (b"file,label\n\xff\xfe.png,1\n", "utf-8"),
        (b"file,label\n\0\0", "line"),
    ],
)
def test_labels_that_cannot_be_understood_are_refused(folder, labels, why):
    with pytest.raises(ValueError, match=rf"labels\.csv cannot be used: .*{why}"):
        labels_of(folder("a.png", labels=labels))
