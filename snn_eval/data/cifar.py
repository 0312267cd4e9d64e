"""CIFAR-10 and CIFAR-100: their official files with size and checksum, laid out as torchvision lays them out."""

from __future__ import annotations

from snn_eval.data.cifar_files import CifarFiles
from snn_eval.data.known import KnownDataset
from snn_eval.data.official import GivenOut, OfficialFile

__all__ = ["CIFAR_10", "CIFAR_100"]

_TEN = "airplane automobile bird cat deer dog frog horse ship truck"
_HUNDRED = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin
elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster
man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck
pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger
tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""


def _batch(name: str, size: int | None, md5: str, sha256: str | None = None) -> OfficialFile:
    return OfficialFile(f"cifar-10-batches-py/{name}", size, md5, sha256)


def _archive(name: str, size: int, md5: str) -> GivenOut:
    return GivenOut(OfficialFile(name, size, md5), (f"https://www.cs.toronto.edu/~kriz/{name}",))


_CIFAR_10 = CifarFiles(
    "cifar-10",
    _archive("cifar-10-python.tar.gz", 170_498_071, "c58f30108f718f92721af3b95e74349a"),
    train=(
        _batch(
            "data_batch_1",
            31_035_704,
            "c99cafc152244af753f735de768cd75f",
            "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd",
        ),
        _batch(
            "data_batch_2",
            31_035_320,
            "d4bba439e000b95fd0a9bffe97cbabec",
            "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8",
        ),
        _batch(
            "data_batch_3",
            31_035_999,
            "54ebc095f3ab1f0389bbae665268c751",
            "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9",
        ),
        _batch("data_batch_4", None, "634d18415352ddfa80567beed471001a"),
        _batch("data_batch_5", None, "482c414d41f54cd18b22e5b47cb7c3cb"),
    ),
    test=(
        _batch(
            "test_batch",
            31_035_526,
            "40351d587109b95175f43aff81a1287e",
            "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831",
        ),
    ),
    per_batch=10_000,
    labels="labels",
    classes=tuple(_TEN.split()),
)
_CIFAR_100 = CifarFiles(
    "cifar-100",
    _archive("cifar-100-python.tar.gz", 169_001_437, "eb9058c3a382ffc7106e4002c42a8d85"),
    train=(OfficialFile("cifar-100-python/train", None, "16019d7e3df5f24257cddd939b257f8d"),),
    test=(OfficialFile("cifar-100-python/test", None, "f0ef6b0ae62326f3e7ffdfab6717acfc"),),
    per_batch=50_000,
    labels="fine_labels",
    classes=tuple(_HUNDRED.split()),
)
_PARTS = {"train": 45_000, "validation": 5_000, "test": 10_000}
_SOURCE = "Krizhevsky 2009, cs.toronto.edu/~kriz/cifar.html"

_SHAPE = (3, 32, 32)
CIFAR_10 = KnownDataset(
    "cifar-10", _PARTS, "not stated", _SOURCE, _CIFAR_10.load, _CIFAR_10.places, shape=_SHAPE, classes=10
)
CIFAR_100 = KnownDataset(
    "cifar-100", _PARTS, "not stated", _SOURCE, _CIFAR_100.load, _CIFAR_100.places, shape=_SHAPE, classes=100
)
