"""Suites: standard benchmarks written as TOML, read into one frozen, fully checked value."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from snn_eval.data.shipped import shipped_folder
from snn_eval.data.source import DataSource
from snn_eval.errors import SuiteError

__all__ = [
    "Ablation",
    "DataSection",
    "EvaluateSection",
    "InputSection",
    "ModelSection",
    "Published",
    "Suite",
    "SuiteSection",
    "TrainSection",
    "load_suite",
    "suite_names",
    "with_tables_beside",
    "with_values",
]

Plain = str | int | float | bool | list[Any] | dict[str, Any]
Positive = Annotated[int, Field(ge=1)]
Pixels = Annotated[int, Field(ge=1, le=8192)]
Deviation = Annotated[FiniteFloat, Field(gt=0)]
_ONE_OR_MORE = BeforeValidator(lambda value: [value] if isinstance(value, int | float) else value)


class _Section(BaseModel):
    """TOML has types: text in quotes is no number, and true is none either."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    _added_later: ClassVar[tuple[str, ...]] = ()
    """Keys left out of what is written where they have their default: what was measured before keeps its identity."""

    @model_serializer(mode="wrap")
    def _without_added(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = serialise(self)
        fields = type(self).model_fields
        for name in self._added_later:
            if getattr(self, name) == fields[name].default:
                written.pop(name, None)
        return written


class SuiteSection(_Section):
    """``[suite]``: ``version`` rises whenever a number measured before could change."""

    name: str
    version: Positive
    description: str = ""


class DataSection(_Section):
    """``[data]``: a data set and the names of its parts. ``test`` is measured, never used to choose anything.

    Exactly one of ``name`` (a data set this project knows), ``images`` (a folder), ``arrays`` (an ``.npz`` or ``.h5``
    file) and ``factory`` (``file.py:function``); relative paths start from the suite's file. ``shares`` splits images
    or arrays that have no parts of their own, ``size`` is the height and width images are resized to.
    """

    name: str | None = None
    images: str | None = None
    arrays: str | None = None
    factory: str | None = None
    classes: list[str] = Field(default_factory=list)
    shares: dict[str, Annotated[float, Field(ge=0, le=1)]] | None = None
    size: Annotated[tuple[Pixels, Pixels], Field(strict=False)] | None = None  # TOML has lists
    train: str = "train"
    validation: str | None = "validation"
    test: str = "test"

    @model_validator(mode="after")
    def _one_source(self) -> DataSection:
        kinds = ("name", "images", "arrays", "factory")
        given = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of {', '.join(kinds)}, found {', '.join(given) or 'none'}")
        return self

    @model_validator(mode="after")
    def _test_apart(self) -> DataSection:
        parts = [part for part in (self.train, self.validation, self.test) if part is not None]
        if len(set(parts)) < len(parts):
            raise ValueError(
                "expected train, validation and test to be different parts, what is measured is never trained or "
                f"chosen on; got {', '.join(parts)}"
            )
        return self


class InputSection(_Section):
    """``[input]``: how samples become input of T steps.

    ``kind`` says what the network's own input is (``real`` pixels, ``spikes`` or event ``counts``); it is never guessed
    from values. ``seed`` keys the encodings that draw. Samples are normalised before they are encoded, ``(x − mean) /
    std``, by one number or one for each channel; bytes are scaled to 0 … 1 before that. ``clip`` then sets values
    outside 0 … 1 to 0 or 1, ``flatten`` gives the network ``[N,P]`` in place of ``[N,C,H,W]``.
    """

    _added_later = ("clip", "flatten")

    encoding: Literal["direct", "rate", "latency", "event", "dynamic"] = "direct"
    kind: Literal["real", "spikes", "counts"]
    time_steps: Positive
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    mean: Annotated[list[FiniteFloat], _ONE_OR_MORE, Field(min_length=1)] = Field(default_factory=lambda: [0.0])
    std: Annotated[list[Deviation], _ONE_OR_MORE, Field(min_length=1)] = Field(default_factory=lambda: [1.0])
    clip: bool = False
    flatten: bool = False

    @property
    def preparation(self) -> dict[str, Any]:
        """What is done to samples beside their encoding, as :func:`snn_eval.models.encoders.encode` takes it."""
        return {"mean": self.mean, "std": self.std, "clip": self.clip, "flatten": self.flatten}


class ModelSection(_Section):
    """``[model]``: an architecture of ours by name with its values, or the user's factory, ``file.py:function``.

    ``readout`` says what of the steps' outputs decides: their ``mean``, their ``count`` (the sum, which decides the
    same), the ``last`` one or each class's ``max``.
    """

    _added_later = ("readout",)

    arch: str | None = None
    factory: str | None = None
    config: dict[str, Plain] = Field(default_factory=dict)
    checkpoint: str | None = None
    framework: Literal["spikingjelly", "snntorch", "plain"] | None = None
    feed: Literal["sequence", "steps", "whole"] | None = None
    output_index: int = 0
    readout: Literal["mean", "count", "last", "max"] = "mean"
    time_steps_attribute: str | None = None
    roles: dict[str, Literal["hidden", "output", "gate", "encoder"]] = Field(default_factory=dict)

    @property
    def calling(self) -> dict[str, Any]:
        """How the network is called and read, as keyword arguments of :func:`snn_eval.models.adapters.adapt`."""
        names = ("framework", "feed", "output_index", "readout", "time_steps_attribute", "roles")
        return {name: getattr(self, name) for name in names}


class TrainSection(_Section):
    """``[train]``: how a checkpoint is made.

    ``learning_rate`` is reached after ``warmup_epochs`` (fewer if there are not more) and falls to 0 by a cosine.
    ``loss`` is of the mean readout, ``tet`` the share of it taken at every step instead (Deng et al., 2022);
    ``rate_penalty`` weighs the mean firing rate against it. ``gradient_clip`` bounds the norm of all gradients (0: no
    bound), ``average`` is the largest decay per step of averaged weights (0: none; in short trainings it is
    smaller), ``patience`` the epochs without a better validation after which training ends (0: it does not).
    ``shift`` moves training images by up to that many pixels, ``flip`` mirrors half of them, ``cutout`` sets a square
    of that side to 0. ``amp`` computes layers in bfloat16.
    """

    epochs: Positive = 100
    batch_size: Positive = 64
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Annotated[FiniteFloat, Field(gt=0)] = 1e-3
    warmup_epochs: Annotated[int, Field(ge=0)] = 0
    weight_decay: Annotated[FiniteFloat, Field(ge=0)] = 1e-2
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    gradient_clip: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    loss: Literal["cross-entropy", "mse"] = "cross-entropy"
    tet: Annotated[float, Field(ge=0, le=1)] = 0.5
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    rate_penalty: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    shift: Annotated[int, Field(ge=0)] = 0
    flip: bool = False
    cutout: Annotated[int, Field(ge=0)] = 0
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    patience: Annotated[int, Field(ge=0)] = 0
    amp: bool = False
    stored: Literal["float32", "float16"] = "float32"
    seeds: Annotated[list[int], Field(min_length=1)] = Field(default_factory=lambda: [0])


class EvaluateSection(_Section):
    """``[evaluate]``: what is measured, under which conventions and energy models."""

    metrics: list[str] = Field(default_factory=list)
    conventions: list[str] = Field(default_factory=lambda: ["exact"])
    energy: list[str] = Field(default_factory=lambda: ["horowitz-45nm-fp32"])
    batch_size: Positive = 64


class Ablation(_Section):
    """``[[ablation]]``: a variant of the suite, ``set`` maps dotted keys to values."""

    name: str
    set: dict[str, Plain] = Field(default_factory=dict)


class Published(_Section):
    """``[[published]]``: a number from the literature, with where it stands."""

    model: str
    metric: str
    value: float
    unit: str
    source: str
    time_steps: Positive | None = None
    note: str = ""


class Suite(_Section):
    """A standard benchmark, every value resolved."""

    suite: SuiteSection
    data: DataSection
    input: InputSection
    model: ModelSection = ModelSection()
    train: TrainSection = TrainSection()
    evaluate: EvaluateSection = EvaluateSection()
    ablation: list[Ablation] = Field(default_factory=list)
    axes: dict[str, list[Plain]] = Field(default_factory=dict)
    published: list[Published] = Field(default_factory=list)

    _folder: Path | None = PrivateAttr(default=None)

    @property
    def name(self) -> str:
        """Name of the suite."""
        return self.suite.name

    @property
    def folder(self) -> Path | None:
        """What relative paths in it start from: the folder of the user's file; no value of the suite."""
        return self._folder

    @property
    def data_source(self) -> DataSource:
        """Where its samples come from; a factory's file is run.

        Raises:
            SuiteError: a factory that is not there or fails.
        """
        from snn_eval.models.user import load_component

        data = self.data
        return DataSource(
            name=data.name,
            images=data.images,
            arrays=data.arrays,
            factory=None if data.factory is None else load_component(data.factory, self.folder),
            classes=tuple(data.classes),
            shares=data.shares,
            size=data.size,
            folder=self.folder,
        )


def suite_names() -> list[str]:
    """Names of the suites that come with the project, sorted."""
    return sorted(path.stem for path in shipped_folder("suites").glob("*.toml"))


def load_suite(name_or_path: str | Path) -> Suite:
    """Read a suite by name (one that comes with the project) or from a ``.toml`` file.

    Raises:
        SuiteError: no such suite, no valid TOML, an unknown key (the nearest one is named), or a wrong value; one line
            with file and key.
    """
    path = _find(name_or_path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path}: expected a readable suite file, got {error}") from error
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, or a number of thousands of digits
        raise SuiteError(f"{path}: expected TOML, got {error}") from error
    suite = _validated(values, str(path), None if _is_name(name_or_path) else path.parent)
    for ablation in suite.ablation:  # a wrong key is found now, not after hours of training
        with_values(suite, ablation.set, source=f"{path}: ablation {ablation.name!r}")
    for key, choices in suite.axes.items():
        for choice in choices:
            with_values(suite, {key: choice}, source=f"{path}: axis")
    return suite


def with_tables_beside(suite: Suite) -> Suite:
    """The suite with paths of energy tables that start, like all others in a file of a user, from the file's folder."""
    folder, names = suite.folder, suite.evaluate.energy
    if folder is None or not any(name.endswith(".toml") for name in names):
        return suite
    found = [str(folder / name) if name.endswith(".toml") else name for name in names]
    return suite.model_copy(update={"evaluate": suite.evaluate.model_copy(update={"energy": found})})


def with_values(suite: Suite, values: Mapping[str, Any], source: str = "set") -> Suite:
    """The suite with some values replaced, checked again.

    Args:
        suite: the suite to start from; unchanged.
        values: dotted key -> value, for example ``{"input.time_steps": 4}``.
        source: where the values come from, for messages.

    Raises:
        SuiteError: an unknown key or a wrong value.
    """
    tree = suite.model_dump()
    for dotted, value in values.items():
        *parents, last = dotted.split(".")
        node = tree
        for depth, part in enumerate(parents):
            if not isinstance(node.get(part), dict):
                raise SuiteError(f"{source}: {_unknown_key('.'.join(parents[: depth + 1]), node)}")
            node = node[part]
        node[last] = value
    return _validated(tree, source, suite.folder)


def _is_name(name_or_path: str | Path) -> bool:
    return isinstance(name_or_path, str) and not name_or_path.endswith(".toml")


def _find(name_or_path: str | Path) -> Path:
    if not _is_name(name_or_path):
        path = Path(name_or_path)
        if not path.is_file():
            raise SuiteError(f"{path}: expected a suite file, found {'a folder' if path.is_dir() else 'none'}")
        return path
    name, names = str(name_or_path), suite_names()
    if name not in names:
        near = get_close_matches(name.lower(), names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(names)}"
        raise SuiteError(f"unknown suite {name!r}{hint}")
    return shipped_folder("suites") / f"{name}.toml"


def _validated(values: Mapping[str, Any], source: str, folder: Path | None) -> Suite:
    try:
        suite = Suite.model_validate(values)
    except ValidationError as error:
        # an unknown key comes first: beside a missing one it is most likely that one, misspelt
        first = min(error.errors(include_url=False), key=lambda found: found["type"] != "extra_forbidden")
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise SuiteError(f"{source}: {_explained(first, values)}{more}") from error
    suite._folder = folder
    return suite


def _explained(error: Any, values: Mapping[str, Any]) -> str:
    """One line for one of pydantic's errors: the dotted key, what was expected, what was there."""
    location = [
        part for part in error["loc"] if part not in ("str", "int", "float", "bool", "list[any]", "dict[str,any]")
    ]
    key = ".".join(str(part) for part in location)
    if error["type"] == "extra_forbidden":
        return _unknown_key(key, _fields_at(location[:-1]))
    if error["type"] == "value_error":  # of several keys of a section
        return f"{key}: {error['ctx']['error']}"
    if error["type"] == "missing":
        return f"{key}: expected a value, found none"
    return f"{key}: {error['msg'][0].lower()}{error['msg'][1:]}, got {error['input']!r}"


def _unknown_key(key: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(key.rpartition(".")[2], known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(known)}"
    return f"unknown key {key!r}{hint}"


def _fields_at(location: list[Any]) -> Mapping[str, Any]:
    """Fields of the section a location lies in."""
    sections = {"ablation": Ablation, "published": Published}
    fields: Mapping[str, Any] = Suite.model_fields
    if location:
        name = str(location[0])
        section = sections.get(name) or Suite.model_fields[name].annotation
        fields = getattr(section, "model_fields", {})
    return fields
