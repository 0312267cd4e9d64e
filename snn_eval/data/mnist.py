"""MNIST and Fashion-MNIST: their official files with size and checksum, laid out as torchvision lays them out."""

from __future__ import annotations

import numpy as np

from snn_eval.data.idx_files import IdxFile, IdxFiles
from snn_eval.data.known import KnownDataset
from snn_eval.data.official import GivenOut, OfficialFile

__all__ = ["FASHION_MNIST", "MNIST"]

_MNIST_MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/")
_FASHION_MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)
_SHAPES = {
    "train-images-idx3-ubyte": (60_000, 28, 28),
    "train-labels-idx1-ubyte": (60_000,),
    "t10k-images-idx3-ubyte": (10_000, 28, 28),
    "t10k-labels-idx1-ubyte": (10_000,),
}

# name, size and md5 of the .gz as given out; sha256 of the .gz; md5 and sha256 of what is inside
_MNIST_SUMS = """
train-images-idx3-ubyte 9912422 f68b3c2dcbeaaa9fbdd348bbdeb94873
    440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609
    6bbc9ace898e44ae57da46a324031adb ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db
train-labels-idx1-ubyte 28881 d53e105ee54ea40749a09fcbcd1e9432
    3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c
    a25bea736e30d166cdddb491f175f624 65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5
t10k-images-idx3-ubyte 1648877 9fb629c4189551a2d022fa330f9573f3
    8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6
    2646ac647ad5339dbf082846283269ea 0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7
t10k-labels-idx1-ubyte 4542 ec29112dd5afa0611ce80d1b7f02629c
    f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6
    27ae3e4e09519cfbb04c329615203637 ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2
"""
_FASHION_SUMS = """
train-images-idx3-ubyte 26421880 8d4fb7e6c68d591d4c3dfef9ec88bf0d
    3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84
    f4a8712d7a061bf5bd6d2ca38dc4d50a c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888
train-labels-idx1-ubyte 29515 25c81989df183df01b3e8a0aad5dffbe
    a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845
    9018921c3c673c538a1fc5bad174d6f9 bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9
t10k-images-idx3-ubyte 4422102 bef4ecab320f06d8554ea6380940ec79
    346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073
    8181f5470baa50b63fa0f6fddb340f0a 5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b
t10k-labels-idx1-ubyte 5148 bb300cfdad3c16e7a12a480ee83cd310
    67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5
    15d484375f8d13e6eb1aabb0c3f46965 0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34
"""


def _files(name: str, folder: str, sums: str, mirrors: tuple[str, ...], classes: tuple[str, ...]) -> IdxFiles:
    words = iter(sums.split())
    files = []
    for file in words:
        shape = _SHAPES[file]
        packed = OfficialFile(f"{folder}/raw/{file}.gz", int(next(words)), next(words), next(words))
        size = 4 + 4 * len(shape) + int(np.prod(shape))
        plain = OfficialFile(f"{folder}/raw/{file}", size, next(words), next(words))
        urls = tuple(f"{mirror}{file}.gz" for mirror in mirrors)
        files.append(IdxFile(plain, GivenOut(packed, urls), shape))
    return IdxFiles(name, (files[0], files[1]), (files[2], files[3]), classes)


_CLOTHES = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
_FILES = _files("mnist", "MNIST", _MNIST_SUMS, _MNIST_MIRRORS, tuple("0123456789"))
_FASHION_FILES = _files("fashion-mnist", "FashionMNIST", _FASHION_SUMS, _FASHION_MIRRORS, _CLOTHES)
_PARTS = {"train": 54_000, "validation": 6_000, "test": 10_000}

MNIST = KnownDataset(
    "mnist",
    _PARTS,
    licence="not stated",
    source="LeCun, Cortes and Burges 1998, yann.lecun.com/exdb/mnist",
    load=_FILES.load,
    places=_FILES.places,
    shape=(1, 28, 28),
    classes=10,
)
FASHION_MNIST = KnownDataset(
    "fashion-mnist",
    _PARTS,
    licence="MIT",
    source="Xiao, Rasul and Vollgraf 2017, github.com/zalandoresearch/fashion-mnist",
    load=_FASHION_FILES.load,
    places=_FASHION_FILES.places,
    shape=(1, 28, 28),
    classes=10,
)
