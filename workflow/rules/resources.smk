# Resources and environments of the rules: threads, memory, cards and environment files.
from pathlib import Path

from catomo.plan.gpu import gpus_of, has_gpu
from catomo.plan.sizes import phantom_cells, recorded_voxels

# The folder of the rules, as Snakemake knows it.
_RULES = workflow.current_basedir


def threads_of(verb):
    """Return the threads that the settings of a stage ask for.

    Snakemake reserves them. TensorFlow takes the number from the settings itself: with fewer
    cores than that its threads share them, and the weights stay the same.
    """
    return lambda wildcards: PLAN.settings(verb, next(iter(wildcards))).threads


def memory_mb(base, factor):
    """Return a resource: megabytes from the size of the inputs, more at each attempt."""
    return lambda wildcards, input, attempt: int(
        attempt * (base + factor * input.size_mb)
    )


def memory_per_voxel(base, bytes_per_voxel):
    """Return a resource: megabytes from the voxels of the recorded input, more at each attempt.

    Labels are compressed, so the size of their file says little.
    """
    return lambda wildcards, input, attempt: int(
        attempt * (base + bytes_per_voxel * recorded_voxels(input.record) / 1e6)
    )


def memory_of_phantom(wildcards, attempt):
    """Return a resource: megabytes from the cells of a phantom, more at each attempt."""
    cells = phantom_cells(dataset_of(wildcards).path)
    return int(attempt * (1000 + 8 * cells / 1e6))


# The nodes of a cluster run its jobs (there --jobs is given), so a card of this machine says
# nothing about them: there a profile asks for cards, or the name of a backend.
_SEES_GPU = workflow.resource_settings.nodes is None and has_gpu()


def gpu_of_backend(wildcards):
    """Return a resource: 1 where the reconstruction takes a GPU."""
    return gpus_of(PLAN.settings("reconstruct", wildcards.dataset), _SEES_GPU)


def gpu_of_network(wildcards):
    """Return a resource: 1 where TensorFlow may find a GPU."""
    return int(_SEES_GPU)


def training_memory_mb(wildcards, attempt):
    """Return megabytes for the network and its windows, with room for the slices."""
    need = PLAN.settings("train", wildcards.model).memory_bytes()
    return int(attempt * (1000 + need / 1e6))


def environment(name):
    """Return the path of an environment's file, relative to the rules.

    Snakemake takes braces in the whole path for wildcards. Where the folder of the workflow
    has braces in its name they are doubled, which stands for the braces themselves.
    """
    relative = f"../../envs/{name}.yaml"
    if not _RULES.is_local or not set("{}") & set(
        _RULES.get_path_or_uri(secret_free=True)
    ):
        return relative
    whole = Path(_RULES.get_path_or_uri(secret_free=True), relative).resolve()
    return str(whole).replace("{", "{{").replace("}", "}}")


def environment_of_backend(wildcards):
    """Return the environment of the backend: TomoPy has one of its own, its limits clash."""
    backend = PLAN.settings("reconstruct", wildcards.dataset).backend
    return environment("tomopy" if backend.startswith("tomopy") else "reconstruct")
