# 10 export: results for other programs, for datasets whose block `export` names any.
# Outputs: aligned, volume and labels as .mrc, .ome.zarr and .nxs; the record lists all files,
# whose names depend on the settings.


def exported(part, verb):
    """Return an input: the record of a part of the dataset that is exported, if it is."""

    def of(wildcards):
        parts = PLAN.exported(dataset_of(wildcards))
        return record(verb, wildcards.dataset) if part in parts else []

    return of


def frame_of_export(wildcards):
    """Return the record of the volume, in whose frame labels lie, too."""
    parts = PLAN.exported(dataset_of(wildcards))
    return volume_of(wildcards) if {"volume", "labels"} & set(parts) else []


rule export:
    """Write results for other programs."""
    input:
        aligned=exported("aligned", "align"),
        volume=frame_of_export,
        labels=exported("labels", "predict"),
    output:
        record="results/{dataset}/10_export/export.json",
    log:
        "logs/{dataset}/export.log",
    benchmark:
        "logs/{dataset}/export.benchmark.jsonl"
    conda:
        environment("io")
    resources:
        mem_mb=memory_mb(1000, 0),
    params:
        aligned=input_option("--aligned", "aligned"),
        volume=input_option("--volume", "volume"),
        labels=input_option("--labels", "labels"),
        settings=settings("export"),
        code=code.code_of("export"),
    shell:
        '"$CATOMO_PYTHON" "$CATOMO_PACKAGE" export'
        " {params.aligned} {params.volume} {params.labels} --output {output.record:q}"
        " --settings {params.settings:q} > {log:q} 2>&1"
