# 10 export: results for other programs, for datasets whose block `export` names any.
# Outputs: aligned, volume and labels as .mrc, .ome.zarr and .nxs; the record lists all files,
# whose names depend on the settings.


rule export:
    """Write results for other programs."""
    input:
        aligned=exported("aligned", "align"),
        volume=frame_of_export,
        labels=exported("labels", "predict"),
        stacks=ancient(exported_stacks),
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
