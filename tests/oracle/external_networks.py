"""Networks of others, written anew around the names and shapes of the tensors in their files."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, ClassVar

import snntorch
import torch
import torch.nn.functional as F
from spikingjelly.activation_based import neuron
from torch import Tensor, nn

__all__ = ["FILES", "MOST", "Rebuilt"]

Rebuilt = tuple[Callable[[], nn.Module], tuple[int, ...], int]
"""What makes the network, the shape of a sample at one step, and T (1: static input)."""

BENCH = "NeuroBench__neurobench/examples/"
LAVA = "lava-nc__lava-dl/tutorials/lava/lib/dl/slayer/oxford/Trained/network.pt"
BRAILLE = "neuromorphs__NIR/paper/03_rnn/"


def leaky(**more: Any) -> nn.Module:
    return snntorch.Leaky(beta=0.5, init_hidden=True, **more)


def named(**parts: nn.Module) -> nn.Module:
    """Modules run one after the other, under these names."""
    network = nn.Sequential()
    for name, part in parts.items():
        network.add_module(name, part)
    return network


def speech() -> nn.Module:
    sizes = [20, 256, 256, 256, 35]
    pairs = [(nn.Linear(a, b), leaky()) for a, b in pairwise(sizes)]
    return nn.Sequential(nn.Flatten(), *(part for pair in pairs for part in pair))


def speech_ann() -> nn.Module:
    """M5 on raw sound: four convolutions, each with norm, ReLU and pool, and the mean over what is left of time."""
    parts: dict[str, nn.Module] = {}
    for i, (a, b, kernel, stride) in enumerate([(1, 32, 80, 16), (32, 32, 3, 1), (32, 64, 3, 1), (64, 64, 3, 1)], 1):
        parts |= {f"conv{i}": nn.Conv1d(a, b, kernel, stride), f"bn{i}": nn.BatchNorm1d(b)}
        parts |= {f"relu{i}": nn.ReLU(), f"pool{i}": nn.MaxPool1d(4)}
    return named(**parts, mean=nn.AdaptiveAvgPool1d(1), flat=nn.Flatten(), fc1=nn.Linear(64, 35))


def gestures() -> nn.Module:
    parts: dict[str, nn.Module] = {}
    for i, (a, b) in enumerate([(2, 16), (16, 32), (32, 64)], 1):
        parts |= {f"conv{i}": nn.Conv2d(a, b, 5), f"lif{i}": leaky(), f"pool{i}": nn.MaxPool2d(2)}
    return named(**parts, flat=nn.Flatten(), linear1=nn.Linear(1024, 11), lif4=leaky())


def activity() -> nn.Module:
    convolutions = {
        "conv1": nn.Conv1d(6, 200, 2),
        "leaky1": leaky(),
        "conv2": nn.Conv1d(200, 256, 1),
        "leaky2": leaky(),
    }
    return named(**convolutions, flat=nn.Flatten(), linear=nn.Linear(512, 7), leaky3=leaky())


def motor_imagery() -> nn.Module:
    parts: dict[str, nn.Module] = {}
    for i, (a, b) in enumerate(pairwise([62, 256, 128, 2]), 1):
        parts |= {f"fc{i}": nn.Linear(a, b), f"lif{i}": leaky()}
    return named(**parts)


def reaching(channels: int) -> nn.Module:
    first = {"fc1": nn.Linear(channels, 50, bias=False), "lif1": leaky()}
    return named(**first, fc_out=nn.Linear(50, 2, bias=False), lif_out=leaky())


def reaching_ann(channels: int) -> nn.Module:
    parts: dict[str, nn.Module] = {}
    for i, (a, b) in enumerate([(channels, 32), (32, 48)], 1):
        parts |= {f"fc{i}": nn.Linear(a, b), f"batchnorm{i}": nn.BatchNorm1d(b), f"relu{i}": nn.ReLU()}
    return named(flat=nn.Flatten(), **parts, fc3=nn.Linear(48, 2))


class Window(nn.Module):
    """SNN3: seven frames ``[N,7,C]`` normalised together, then a step each; membranes scaled to velocities."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm_layer = nn.LayerNorm([7, channels])
        self.fc1, self.fc2, self.fc3 = nn.Linear(channels, 32), nn.Linear(32, 48), nn.Linear(48, 2)
        self.lif1, self.lif2, self.lif3 = leaky(), leaky(), leaky(reset_mechanism="none", output=True)
        self.v_x, self.v_y = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm_layer(x)
        for step in x.unbind(1):
            _, membrane = self.lif3(self.fc3(self.lif2(self.fc2(self.lif1(self.fc1(step))))))
        return torch.stack([membrane[:, 0] * self.v_x, membrane[:, 1] * self.v_y], 1)


def running() -> nn.Module:
    channels, parts = [2, 16, 32, 32, 64, 64, 64], {}
    for i, (a, b) in enumerate(pairwise(channels), 1):
        parts |= {f"conv{i}": nn.Conv2d(a, b, 3, padding=1), f"lif{i}": neuron.LIFNode(v_threshold=0.1)}
        parts |= {f"pool{i}": nn.MaxPool2d(2)} if i < 6 else {}
    return named(**parts, flat=nn.Flatten(), linear1=nn.Linear(64, 10))


def events_ann() -> nn.Module:
    def conv(a: int, b: int, k: int, stride: int = 1) -> nn.Module:
        return nn.Conv2d(a, b, k, stride, padding=1, bias=False)

    features = (conv(2, 16, 5, 2), nn.ReLU(), conv(16, 16, 3), nn.ReLU(), nn.AvgPool2d(2), conv(16, 8, 3), nn.ReLU())
    head = (nn.Linear(128, 256, bias=False), nn.ReLU(), nn.Linear(256, 10, bias=False))
    return nn.Sequential(*features, nn.AvgPool2d(2), nn.Flatten(), *head)


def braille(hidden: int, reset: str, bias: bool = True) -> nn.Module:
    first = snntorch.RSynaptic(0.5, 0.5, linear_features=hidden, reset_mechanism=reset, init_hidden=True)
    if not bias:
        first.recurrent = nn.Linear(hidden, hidden, bias=False)
    last = snntorch.Synaptic(0.5, 0.5, reset_mechanism=reset, init_hidden=True)
    return named(fc1=nn.Linear(12, hidden, bias=bias), lif1=first, fc2=nn.Linear(hidden, 7, bias=bias), lif2=last)


def digits() -> nn.Module:
    parts: dict[str, nn.Module] = {}
    for i, (a, b) in enumerate(pairwise([784, 256, 128, 10]), 1):
        parts |= {f"layer_{i}": nn.Linear(a, b), f"network_{i}": leaky()}
    return named(**parts)


class CurrentBased(nn.Module):
    """lava-dl's CUBA neuron, all steps ``[T,N,C]``: decays of 4096, as on Loihi; its threshold is not in the file."""

    neuron_model: ClassVar[dict[str, Any]] = {
        "model": "cuba-lif", "reset": "hard", "states": 2, "mul": 2, "add": 2, "compare": 1, "multi_step": True,
    }  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.current_decay, self.voltage_decay = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        i = v = torch.zeros_like(x[0])
        spikes = []
        for x_t in x:
            i = (1 - self.current_decay / 4096) * i + x_t
            v = (1 - self.voltage_decay / 4096) * v + i
            spikes.append((v >= 0.1).float())
            v = v * (1 - spikes[-1])
        return torch.stack(spikes)


class Dense(nn.Module):
    """A matrix kept as a convolution of one tap, as lava-dl and slayerPytorch keep it."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(b, a, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.flatten(1))


def oxford() -> nn.Module:
    sizes = [200, 256, 200]
    blocks = [named(neuron=CurrentBased(), synapse=Dense(a, b)) for a, b in pairwise(sizes)]
    return Oxford(blocks)


class Oxford(nn.Module):
    """lava-dl's blocks: synapse, then neuron."""

    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block.neuron(block.synapse(x))
        return x


class Response(nn.Module):
    """slayerPytorch's spike response neuron: the input filtered over time, a refractory kernel after each spike."""

    neuron_model: ClassVar[dict[str, Any]] = {
        "model": "srm", "states": 2, "mul": 110, "add": 290, "compare": 1, "multi_step": True,
    }  # fmt: skip

    def __init__(self, kernels: nn.Module) -> None:
        super().__init__()
        self.kernels = [kernels]  # in a list: its tensors stand in the file once

    def forward(self, x: Tensor) -> Tensor:
        (kernels,) = self.kernels
        steps, response, refractory = len(x), kernels.srmKernel, kernels.refKernel
        v = torch.stack([sum(response[k] * x[t - k] for k in range(min(t + 1, len(response)))) for t in range(steps)])
        spikes = []
        for t in range(steps):
            spikes.append((v[t] >= 80).float())
            after = min(steps - t, len(refractory))
            v[t : t + after] += refractory[:after, None, None] * spikes[-1]
        return torch.stack(spikes)


class Slayer(nn.Module):
    """The Oxford network of slayerPytorch, filter behind the weights (both are linear)."""

    def __init__(self) -> None:
        super().__init__()
        self.slayer = nn.Module()
        self.slayer.register_buffer("srmKernel", torch.zeros(110))
        self.slayer.register_buffer("refKernel", torch.zeros(181))
        self.fc1, self.fc2 = Dense(200, 256), Dense(256, 200)
        self.first, self.last = Response(self.slayer), Response(self.slayer)

    def forward(self, x: Tensor) -> Tensor:
        spikes: Tensor = self.last(self.fc2(self.first(self.fc1(x))))
        return spikes


FILES: dict[str, Rebuilt] = {
    f"{BENCH}gsc/model_data/s2s_gsc_snntorch": (speech, (20,), 6),
    f"{BENCH}gsc/model_data/m5_ann": (speech_ann, (1, 8000), 1),
    f"{BENCH}dvs_gesture/model_data/dvs_gesture_snn": (gestures, (2, 60, 60), 8),
    f"{BENCH}nehar/model_data/WISDM_snnTorch.ckpt": (activity, (6, 3), 6),
    f"{BENCH}eeg_mi/model_data/best_model.pt": (motor_imagery, (62,), 6),
    f"{BENCH}primate_reaching/model_data/SNN2_indy_20160622_01.pt": (lambda: reaching(96), (96,), 8),
    f"{BENCH}primate_reaching/model_data/SNN2_loco_20170210_03.pt": (lambda: reaching(192), (192,), 8),
    **{
        f"{BENCH}primate_reaching/model_data/{folder}/{animal}_model_state_dict.pth": rebuilt
        for folder, animal, rebuilt in [
            ("2D_ANN_Weight", "indy_20160622_01", (lambda: reaching_ann(96), (96,), 1)),
            ("3D_ANN_Weight", "indy_20160622_01", (lambda: reaching_ann(672), (7, 96), 1)),
            ("SNN3_Weight", "indy_20160622_01", (lambda: Window(96), (96,), 7)),
            ("SNN3_Weight", "loco_20170210_03", (lambda: Window(192), (192,), 7)),
        ]
    },
    "Takoyaki-h__SNN_DVS_Running/WeightQua/model_pth/linear_quantized_max_acc.pth": (running, (2, 32, 32), 3),
    "neuromorphs__NIR/paper/02_cnn/ann_pretraining/pretrained_ann_weights.pth": (events_ann, (2, 34, 34), 1),
    f"{BRAILLE}data/model_noDelay_bias_ref_zero.pt": (lambda: braille(38, "zero"), (12,), 8),
    f"{BRAILLE}data/model_noDelay_noBias_ref_subtract.pt": (lambda: braille(40, "subtract", False), (12,), 8),
    f"{BRAILLE}extras/data/model_ref_subtract.pt": (lambda: braille(55, "subtract"), (12,), 8),
    f"{BRAILLE}extras/data/retrained_noDelay_ref_zero.pt": (lambda: braille(38, "zero"), (12,), 8),
    f"{BRAILLE}extras/data/retrained_noDelay_noBias_ref_subtract.pt": (
        lambda: braille(55, "subtract", False),
        (12,),
        8,
    ),
    "SpikingIntelligenceSystem__snn-mnist-classifier-project/mnist_1Step_SNN_baseline.pt": (digits, (784,), 6),
    LAVA: (oxford, (200,), 12),
    "bamsumit__slayerPytorch/exampleLoihi/01_Oxford/Trained/oxfordNet.pt": (Slayer, (200,), 12),
}
"""File -> its network."""

MOST = {LAVA: 0.02}
"""Largest rate of drawn events, where it is not 4: most of lava-dl's weights are negative."""
