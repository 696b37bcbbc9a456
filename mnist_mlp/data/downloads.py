"""Files that are downloaded once, and verified by their MD5 sums each time they are read."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.error import URLError

from torchvision.datasets import utils


def download_missing(name: str, folder: Path, md5: Mapping[str, str], fetch: Callable[[Path], Path]) -> None:
    """Fetch what is missing of a data set; files that are already there are left as they are.

    Everything is downloaded and verified in a temporary folder beside its destination and moved there file by
    file, so that an interrupted download leaves nothing, and two at once do no harm.

    Args:
        name: The data set.
        folder: Where its files belong.
        md5: The sum of each file by its name.
        fetch: Downloads the files into a folder; it returns the one below that they then lie in.

    Raises:
        ConnectionError: if no mirror answers.
        OSError: if the folder cannot be written.
    """
    missing = [file for file in md5 if not (folder / file).exists()]
    if not missing:
        return
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary_folder = tempfile.TemporaryDirectory(dir=folder, prefix=".download-")
    except OSError as error:
        raise type(error)(
            f"the data folder {folder} cannot be written ({error.strerror}): "
            "choose another with --data.data_dir or MNIST_MLP_DATA_DIR"
        ) from error
    with _removed_if_empty(new), temporary_folder as temporary:
        try:
            fetched = fetch(Path(temporary))
        except (RuntimeError, URLError, ConnectionError, TimeoutError) as error:
            raise ConnectionError(
                f"{name} is not in {folder} and could not be downloaded: put the files {', '.join(md5)} there, or "
                "train on --data.dataset digits --data.val_size 300"
            ) from error
        for file in missing:
            verify(fetched / file, md5)
            os.replace(fetched / file, folder / file)


@contextmanager
def _removed_if_empty(folders: list[Path]) -> Iterator[None]:
    """Leave no new folder behind in which nothing came to lie, the innermost first."""
    try:
        yield
    finally:
        with suppress(OSError):  # which says that something does
            for folder in folders:
                folder.rmdir()


def download_archives(name: str, folder: Path, archives: Mapping[str, tuple[str, str]]) -> None:
    """Fetch what is missing of a data set whose files are kept packed, as they are published.

    Args:
        name: The data set.
        folder: Where its files belong.
        archives: The address and the MD5 sum of each file by its name.

    Raises:
        ConnectionError: if it cannot be downloaded.
        OSError: if the folder cannot be written.
    """

    def fetch(temporary: Path) -> Path:
        for file, (url, md5) in archives.items():
            if not (folder / file).exists():
                utils.download_url(url, str(temporary), file, md5)
        return temporary

    download_missing(name, folder, {file: md5 for file, (_, md5) in archives.items()}, fetch)


def read_verified(path: Path, md5: Mapping[str, str]) -> bytearray:
    """The content of a file, packed as it is, after its sum was found right.

    Args:
        path: The file.
        md5: The sums of the whole data set by file name, so that a swapped file can be told.

    Raises:
        FileNotFoundError: if it is missing.
        ValueError: if it is not the file that was published.
    """
    _check_kind(path)
    content = bytearray(path.read_bytes())
    _check(path, len(content), hashlib.md5(content, usedforsecurity=False).hexdigest(), md5)
    return content


def verify(path: Path, md5: Mapping[str, str]) -> None:
    """Find the sum of a file right without keeping its content, as `read_verified` does it.

    Raises:
        FileNotFoundError: if it is missing.
        ValueError: if it is not the file that was published.
    """
    _check_kind(path)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()
    _check(path, path.stat().st_size, found, md5)


def _check_kind(path: Path) -> None:
    if path.exists() and not path.is_file():  # reading a pipe would wait for ever
        raise ValueError(f"{path} must be a file, and is none; delete it, and it will be downloaded again")


def _check(path: Path, size: int, found: str, md5: Mapping[str, str]) -> None:
    if found != md5[path.name]:
        impostor = next((f"it is {file}" for file, known in md5.items() if known == found), "it is damaged")
        raise ValueError(
            f"{path} is not the published file: {impostor} ({size:,} bytes, MD5 {found}, "
            f"expected {md5[path.name]}); delete it, and it will be downloaded again"
        )
