# 04 slices: what a person annotates and the network sees, 8 bits deep.
# Outputs: all slices (n, z, x) in uint8, some of them as single files to annotate.


def _source_of_slices(wildcards):
    """Return the option that names where the slices come from."""
    dataset = PLAN.datasets[wildcards.dataset]
    if dataset.source == "slices":
        pixel_size = option("--pixel-size-nm", dataset.pixel_size_nm)
        labels = option("--labels", dataset.labels)
        return f"{option('--stack', dataset.path)} {pixel_size} {labels}"
    truth = option("--truth", truth_of(wildcards))
    return f"{option('--volume', record('reconstruct', dataset.name))} {truth}"


def _volume_of(wildcards):
    """Return the record of the volume; nothing for a dataset that begins with slices."""
    is_slices = PLAN.datasets[wildcards.dataset].source == "slices"
    return [] if is_slices else record("reconstruct", wildcards.dataset)


rule slices:
    """Export 8-bit slices by a recorded contrast rule and suggest which to annotate."""
    input:
        record=_volume_of,
        truth=truth_of,
    output:
        record="results/{dataset}/04_slices/slices.json",
        slices="results/{dataset}/04_slices/slices.tif",
        picture=report(
            "results/{dataset}/04_slices/slices.png",
            caption="../report/slices.rst",
            category="{dataset}",
            subcategory="04 slices",
        ),
    log:
        "logs/{dataset}/slices.log",
    benchmark:
        "logs/{dataset}/slices.benchmark.jsonl"
    conda:
        "../../envs/io.yaml"
    resources:
        mem_mb=memory_mb(2000, 0),
    params:
        source=_source_of_slices,
        raw=lambda wildcards: "" if _volume_of(wildcards) else raw("path")(wildcards),
        settings=settings("slices"),
        code=code.code_of("slices"),
    shell:
        "{RUN} slices {params.source} --dataset {wildcards.dataset} --output {output.record}"
        " --threads {threads} --settings {params.settings:q} > {log} 2>&1"
