"""The tables of a suite: every key, its type, its default and what it means."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    PrivateAttr,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from snn_eval.data.source import DataSource
from snn_eval.data.split import Fold

__all__ = [
    "AblateSection",
    "Ablation",
    "CorrectSection",
    "DataSection",
    "EvaluateSection",
    "InputSection",
    "ModelSection",
    "Published",
    "Suite",
    "SuiteSection",
    "TrainSection",
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
    def _without_added(self, serialise: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        written: dict[str, Any] = serialise(self)
        if info.context == "whole":
            return written
        fields = type(self).model_fields
        for name in self._added_later:
            if getattr(self, name) == fields[name].get_default(call_default_factory=True):
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
    or arrays that have no parts of their own, ``size`` is the height and width images are resized to. ``fold`` k of
    ``folds`` splits a data set that comes as one pool anew: the k-th fold of each class is tested, the next one is for
    validation, the others are trained on (cross-validation). ``frames`` chooses among the folders of recordings that
    were made into frames beforehand.
    """

    _added_later = ("fold", "folds", "frames")

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
    fold: Annotated[int, Field(ge=0)] | None = None
    folds: Annotated[int, Field(ge=3, le=100)] = 5
    frames: Positive | None = None

    @model_validator(mode="after")
    def _fold_there(self) -> DataSection:
        if self.fold is not None and self.fold >= self.folds:
            raise ValueError(f"fold: expected 0 to {self.folds - 1}, of {self.folds} folds, got {self.fold}")
        return self

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
    outside 0 … 1 to 0 or 1, ``flatten`` gives the network ``[N,P]`` in place of ``[N,C,H,W]``. ``merge`` adds that many
    frames of events into one, ``pool`` the events of that many by as many pixels, before anything else.
    """

    _added_later = ("clip", "flatten", "merge", "pool")

    encoding: Literal["direct", "rate", "latency", "event"] = "direct"
    kind: Literal["real", "spikes", "counts"]
    time_steps: Positive
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    mean: Annotated[list[FiniteFloat], _ONE_OR_MORE, Field(min_length=1)] = Field(default_factory=lambda: [0.0])
    std: Annotated[list[Deviation], _ONE_OR_MORE, Field(min_length=1)] = Field(default_factory=lambda: [1.0])
    clip: bool = False
    flatten: bool = False
    merge: Positive = 1
    pool: Positive = 1

    @property
    def preparation(self) -> dict[str, Any]:
        """What is done to samples beside their encoding, as :func:`snn_eval.models.encoders.encode` takes it."""
        return {name: getattr(self, name) for name in ("mean", "std", "clip", "flatten", "merge", "pool")}

    @property
    def sample_axis(self) -> int:
        """Axis of the samples in what the network gets: 1 where the encoding gives steps, ``[T,N,…]``, else 0."""
        from snn_eval.models.encoders import SEQUENCES

        return 1 if self.encoding in SEQUENCES else 0


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
    framework: Literal["spikingjelly", "snntorch", "norse", "sinabs", "plain"] | None = None
    feed: Literal["sequence", "batch-first", "flat", "steps", "whole"] | None = None
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

    ``budget`` r* bounds what spikes cost: ``budget_weight · max(0, r − r*)`` is added to the loss, r being the share of
    all possible synaptic operations that spikes cause (``budget_form = "operations"``) or the share of neurons and
    steps with a spike (``"spikes"``); 0 is no bound. ``prior`` weighs Σ|w| over all convolutions and linear layers.
    """

    _added_later = ("budget", "budget_weight", "budget_form", "prior")

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
    budget: Annotated[float, Field(ge=0, le=1)] = 0.0
    budget_weight: Annotated[FiniteFloat, Field(ge=0)] = 0.1
    budget_form: Literal["operations", "spikes"] = "operations"
    prior: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    shift: Annotated[int, Field(ge=0)] = 0
    flip: bool = False
    cutout: Annotated[int, Field(ge=0)] = 0
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    patience: Annotated[int, Field(ge=0)] = 0
    amp: bool = False
    stored: Literal["float32", "float16"] = "float32"
    seeds: Annotated[list[int], Field(min_length=1)] = Field(default_factory=lambda: [0])


class CorrectSection(_Section):
    """``[correct]``: what is corrected in a trained network, on images it was trained on; nothing unless asked for.

    ``mode``: temporal bias correction, ``prefix`` towards the network's own rates of its later steps, ``twin`` towards
    the activations of the ANN it was converted from. ``batches`` of ``batch_size`` images are used, each moves a bias
    by ``eta`` times the difference. ``readout``: biases and gains are then fitted on ``samples`` images, in
    ``iterations`` steps of ``learning_rate``, so that early readouts say what the last one says.
    """

    mode: Literal["none", "prefix", "twin"] = "none"
    batches: Positive = 20
    batch_size: Positive = 64
    eta: Annotated[float, Field(gt=0, le=1)] = 0.5
    readout: bool = False
    samples: Positive = 1024
    iterations: Positive = 200
    learning_rate: Annotated[FiniteFloat, Field(gt=0)] = 1e-3

    @property
    def is_asked_for(self) -> bool:
        """Whether anything is corrected."""
        return self.mode != "none" or self.readout


class EvaluateSection(_Section):
    """``[evaluate]``: what is measured, under which conventions and energy models.

    ``exit`` lets a sample stop as soon as the network is sure (``confidence`` or ``entropy``): temperature and
    threshold are chosen on the validation part, the smallest threshold whose accuracy there is at most
    ``exit_tolerance`` below that of all steps.
    """

    _added_later = ("exit", "exit_tolerance")

    metrics: list[str] = Field(default_factory=list)
    conventions: list[str] = Field(default_factory=lambda: ["exact"])
    energy: list[str] = Field(default_factory=lambda: ["horowitz-45nm-fp32"])
    batch_size: Positive = 64
    exit: Literal["none", "confidence", "entropy"] = "none"
    exit_tolerance: Annotated[float, Field(ge=0, le=1)] = 0.002


class Ablation(_Section):
    """``[[ablation]]``: a row of the ablation table: the suite with ``components`` on, then ``set`` dotted keys."""

    name: Annotated[str, Field(min_length=1)]
    components: list[str] = Field(default_factory=list)
    set: dict[str, Plain] = Field(default_factory=dict)
    note: str = ""


class AblateSection(_Section):
    """``[ablate]``: how often each row is trained, and what rows are compared with.

    ``values`` are seeds, or folds of the data. ``target`` is the validation accuracy whose first epoch is told beside
    that of 99 % of a row's own last one; ``reference`` the row that the others are compared with, by default the first.
    ``goal`` is the test accuracy that all components together are to reach within half of the steps (else ``target``).
    """

    _added_later = ("goal",)

    replicate: Literal["seed", "fold"] = "seed"
    values: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] = Field(default_factory=lambda: [0, 1, 2])
    target: Annotated[float, Field(gt=0, le=1)] | None = None
    reference: str | None = None
    goal: Annotated[float, Field(gt=0, le=1)] | None = None


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
    """A standard benchmark, every value resolved.

    ``components`` names bundles of dotted keys that rows of an ablation switch on; ``axes`` are dotted keys with
    several values, with each of which every row is made.
    """

    _added_later = ("correct", "components", "ablate")

    suite: SuiteSection
    data: DataSection
    input: InputSection
    model: ModelSection = ModelSection()
    train: TrainSection = TrainSection()
    correct: CorrectSection = CorrectSection()
    evaluate: EvaluateSection = EvaluateSection()
    components: dict[str, dict[str, Plain]] = Field(default_factory=dict)
    ablate: AblateSection = AblateSection()
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
            fold=None if data.fold is None else Fold(data.fold, data.folds),
            frames=data.frames,
            folder=self.folder,
        )
