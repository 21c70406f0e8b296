# 06 segmentation: a volume that another program has segmented, taken in as it is.
# Outputs: labels per voxel (n, z, x); the page draws some slices of them.


rule segmentation:
    """Check and take in a segmentation from elsewhere."""
    input:
        nothing,
    output:
        record="results/{dataset}/06_segmentation/segmentation.json",
        labels="results/{dataset}/06_segmentation/labels.tif",
    log:
        "logs/{dataset}/segmentation.log",
    benchmark:
        "logs/{dataset}/segmentation.benchmark.jsonl"
    wildcard_constraints:
        dataset=names("segmentation"),
    conda:
        environment("io")
    resources:
        mem_mb=memory_mb(2000, 0),
    params:
        segmentation=column_option("", "path"),
        pixel_size=column_option("--pixel-size-nm", "pixel_size_nm"),
        raw=raw("path"),
        settings=settings("segmentation"),
        code=code.code_of("segmentation"),
    shell:
        '"$CATOMO_PYTHON" "$CATOMO_PACKAGE" segmentation'
        " {params.segmentation} {params.pixel_size} --threads {threads}"
        " --output {output.record:q} --settings {params.settings:q} > {log:q} 2>&1"
