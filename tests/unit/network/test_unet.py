"""The network is the one of the paper, layer by layer."""

import keras
import numpy as np
import pytest

from catomo.errors import UserError
from catomo.network import cpu, unet
from catomo.network.size import UNetSize
from catomo.train.settings import Train

unet.start(threads=2)  # before anything else wakes TensorFlow


def test_the_paper_network_has_its_layers_filters_and_parameters():
    net = unet.build_unet(3, **Train(preset="paper").network.model_dump(), precision="float32")
    kinds = {
        kind: [layer for layer in net.layers if type(layer) is kind]
        for kind in (
            keras.layers.Conv2D,
            keras.layers.Conv2DTranspose,
            keras.layers.AveragePooling2D,
            keras.layers.Concatenate,
        )
    }
    assert [len(layers) for layers in kinds.values()] == [2 * 11 + 1, 5, 5, 5]
    assert {type(layer) for layer in net.layers if layer.weights} == {
        keras.layers.Conv2D,
        keras.layers.Conv2DTranspose,
    }
    pools = kinds[keras.layers.AveragePooling2D]
    assert all(p.pool_size == p.strides == (2, 2) for p in pools)
    assert [p.output.shape[-1] for p in pools] == [32, 64, 128, 256, 512]
    convolutions = kinds[keras.layers.Conv2D][:-1]
    up_and_down = [32, 64, 128, 256, 512, 1024, 512, 256, 128, 64, 32]
    assert [c.filters for c in convolutions] == [f for f in up_and_down for _ in "ab"]
    assert all(c.kernel_size == (3, 3) for c in convolutions)
    assert all(c.activation is keras.activations.relu for c in convolutions)
    assert all(isinstance(c.kernel_initializer, keras.initializers.HeNormal) for c in convolutions)
    rises = kinds[keras.layers.Conv2DTranspose]
    assert [t.filters for t in rises] == [512, 256, 128, 64, 32]
    assert all(t.kernel_size == t.strides == (2, 2) for t in rises)
    # By hand: 9·in·out + out per convolution, 4·in·out + out per rise, 32·3 + 3 at the end.
    down = sum(9 * i * o + o for i, o in zip([1, *up_and_down[:5]], up_and_down[:6], strict=True))
    down += sum(9 * f * f + f for f in up_and_down[:6])
    up = sum((4 * 2 * f * f + f) + (9 * 2 * f * f + f) + (9 * f * f + f) for f in up_and_down[6:])
    assert net.count_params() == down + up + 32 * 3 + 3
    assert net.count_params() == pytest.approx(31.1e6, rel=2e-3)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_output_is_a_probability_of_the_same_size(precision):
    net = unet.build_unet(3, levels=3, base_filters=4, precision=precision)
    found = unet.forward_of(net)(np.full((2, 8, 12), 99, np.uint8)).numpy()
    assert found.shape == (2, 8, 12, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-6)


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_the_size_of_a_network_is_read_from_it(levels):
    assert unet.size_of(unet.build_unet(4, levels, 3)) == UNetSize(levels, 3)
    assert UNetSize(levels).downsampling == 2 ** (levels - 1)


@pytest.mark.parametrize(("capability", "precision"), [((7, 5), "float32"), ((8, 0), "bfloat16")])
def test_a_gpu_decides_the_precision_where_there_is_one(monkeypatch, capability, precision):
    config = unet.tf.config
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: ["a card"])
    details = {"compute_capability": capability}
    monkeypatch.setattr(config.experimental, "get_device_details", lambda gpu: details)
    assert unet.resolved_precision("auto") == precision


@pytest.mark.parametrize(("flags", "precision"), [("avx2", "float32"), ("avx512_bf16", "bfloat16")])
def test_without_a_gpu_the_cpu_decides_the_precision(monkeypatch, flags, precision):
    monkeypatch.setattr(unet.tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.setattr(cpu.Path, "read_text", lambda path: f"flags : sse {flags} fma")
    assert unet.resolved_precision("auto") == precision


def test_a_gpus_memory_is_taken_as_needed_and_asked_for_once(monkeypatch):
    growing = {"first": False, "second": True}  # TensorFlow refuses a change once it runs

    def grow(gpu, wanted):
        assert not growing[gpu], f"{gpu} has begun"
        growing[gpu] = wanted

    monkeypatch.setattr(unet.tf.config, "list_physical_devices", lambda kind: list(growing))
    experimental = unet.tf.config.experimental
    monkeypatch.setattr(experimental, "get_memory_growth", growing.get)
    monkeypatch.setattr(experimental, "set_memory_growth", grow)
    for _ in range(2):
        unet.start(2)
        assert growing == {"first": True, "second": True}


def test_a_running_tensorflow_keeps_its_threads_and_says_so(capsys):
    unet.start(2)
    assert "keeps its number of threads" not in capsys.readouterr().err
    unet.build_unet(2, 2, 2)  # TensorFlow runs
    unet.start(7, seed=1)
    assert "keeps its number of threads instead of 7" in capsys.readouterr().err
    assert unet.tf.config.threading.get_intra_op_parallelism_threads() == 2


def test_float32_is_float32():
    """A GPU would by itself multiply with 10 bits of the mantissa, and nothing would tell."""
    unet.start(2)
    assert not unet.tf.config.experimental.tensor_float_32_execution_enabled()


@pytest.mark.parametrize(
    ("gpus", "kind", "name", "feeding"), [([], "cpu", "CPU", 2), (["a card"], "gpu", "T4", 5)]
)
def test_the_device_is_known_and_fed_by_all_cores_where_it_is_a_gpu(
    monkeypatch, gpus, kind, name, feeding
):
    config = unet.tf.config
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: gpus)
    monkeypatch.setattr(
        config.experimental, "get_device_details", lambda gpu: {"device_name": "T4"}
    )
    monkeypatch.setattr(unet.os, "sched_getaffinity", lambda process: range(5))
    assert unet.device() == kind
    assert unet.device_name() == name
    assert unet.feeding_threads(2) == feeding
    assert unet.feeding_threads(9) == 9


def test_too_little_memory_is_told_in_one_line_that_names_the_setting():
    with (
        pytest.raises(UserError, match=r"predict\.batch_px: the memory of the CPU is too small"),
        unet.memory_of("predict.batch_px"),
    ):
        raise unet.tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")
