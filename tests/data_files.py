"""Small data sets of every kind that the data module recognises, written by the tests themselves."""

import gzip
import io
import json
import os
import pickle

import numpy as np
import torch
from conftest import idx_file
from PIL import Image


def arrays(n=60, num_classes=10, seed=0, first=0):
    """Random images (n, 28, 28), and labels of which every class has some."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 28, 28), dtype=np.uint8), np.arange(n) % num_classes + first


def write_idx(folder, train, test, dot=False, packed=False):
    folder.mkdir(parents=True, exist_ok=True)
    for part, (images, labels) in (("train", train), ("t10k", test)):
        for kind, array in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
            content = idx_file(torch.from_numpy(array.astype(np.uint8)))
            name = f"{part}-{kind.replace('-idx', '.idx') if dot else kind}{'.gz' if packed else ''}"
            (folder / name).write_bytes(gzip.compress(content) if packed else content)
    return folder


def write_npz(path, train, test):
    np.savez(path, x_train=train[0], y_train=train[1], x_test=test[0], y_test=test[1])
    return path


def python_2_pickle(pairs):
    """The pairs as Python 2 pickled them: protocol 2, arrays' bytes as a string of latin-1, NumPy's old names."""
    written = [b"\x80\x02("]
    for images, labels in pairs:
        for array in (images.reshape(len(images), -1), labels):
            kind = {"f": b"f4", "i": b"i8"}[array.dtype.kind]
            content = array.astype(f"<{kind.decode()}").tobytes()
            shape = b"".join(b"J" + n.to_bytes(4, "little") for n in array.shape)
            written += [
                b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01(" + shape + b"t",
                b"cnumpy\ndtype\n(U\x02"
                + kind
                + b"K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
                b"\x89T" + len(content).to_bytes(4, "little") + content + b"tb",
            ]
        written.append(b"\x86")
    return b"".join([*written, b"t."])


def nielsens_pickle(train, val, test):
    """The content of a `mnist.pkl.gz`: pixels are multiples of 1/256."""
    pairs = [(images.astype(np.float32) / 256, labels.astype(np.int64)) for images, labels in (train, val, test)]
    return gzip.compress(python_2_pickle(pairs))


def csv_text(images, labels=None):
    flat = images.reshape(len(images), -1)
    names = [f"pixel{i}" for i in range(flat.shape[1])]
    rows = flat if labels is None else np.column_stack([labels, flat])
    header = names if labels is None else ["label", *names]
    return "\n".join([",".join(header), *(",".join(map(str, row)) for row in rows.tolist())]) + "\n"


def write_kaggle(folder, train, unlabelled):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.csv").write_text(csv_text(*train))
    (folder / "test.csv").write_text(csv_text(unlabelled))
    return folder


def png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    return file.getvalue()


def write_parquet(path, images, labels, names=None):
    import pyarrow as pa
    from pyarrow import parquet

    rows = [{"bytes": png(image), "path": None} for image in images]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(rows, kind), "label": pa.array(labels.tolist(), pa.int64())})
    if names:
        info = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}, "image": {"_type": "Image"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path)
    return path


def write_pictures(folder, images, labels, names):
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        (folder / names[label]).mkdir(parents=True, exist_ok=True)
        (folder / names[label] / f"{i:04}.png").write_bytes(png(image))
    return folder


def write_every_kind(folder):
    """The files that the README's commands name."""
    train, val, test = arrays(60), arrays(20, seed=1), arrays(20, seed=2)
    write_idx(folder / "mnist", train, test, packed=True)
    for name in ("mnist.npz", "deslanted.npz"):
        write_npz(folder / name, train, test)
    (folder / "mnist.pkl.gz").write_bytes(nielsens_pickle(train, val, test))
    write_kaggle(folder / "kaggle", train, test[0])
    write_pictures(folder / "letters", *arrays(60, 5), "abcde")
    write_parquet(folder / "mnist.parquet", *train)


class Touch:
    """Pickled, it asks for a folder to be made where it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def evil_pickle(path):
    return gzip.compress(pickle.dumps(((Touch(path), 1), (2, 3), (4, 5)), protocol=2))
