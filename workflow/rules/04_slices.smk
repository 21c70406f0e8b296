# 04 slices: what a person annotates and the network sees, 8 bits deep.
# Outputs: all slices (n, z, x) in uint8, some of them as single files to annotate.


rule slices:
    """Export 8-bit slices by a recorded contrast rule and suggest which to annotate."""
    input:
        record=volume_of,
        volume=ancient(volume_file_of),
        truth=truth_of,
    output:
        record="results/{dataset}/04_slices/slices.json",
        slices="results/{dataset}/04_slices/slices.tif",
        picture=report(
            "results/{dataset}/04_slices/slices.png",
            caption="../report/slices.rst",
            category="{dataset}",
            subcategory="04 slices",
            labels={"figure": "slices over the volume"},
        ),
    log:
        "logs/{dataset}/slices.log",
    benchmark:
        "logs/{dataset}/slices.benchmark.jsonl"
    conda:
        environment("io")
    resources:
        mem_mb=memory_mb(2000, 0),
    params:
        source=source_of_slices,
        raw=raw_slices,
        settings=settings("slices"),
        code=code.code_of("slices"),
    shell:
        '"$CATOMO_PYTHON" "$CATOMO_PACKAGE" slices'
        " {params.source} --dataset {wildcards.dataset} --output {output.record:q}"
        " --threads {threads} --settings {params.settings:q} > {log:q} 2>&1"
