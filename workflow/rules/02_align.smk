# 02 align: shifts, tilt-axis angle and offset, a verdict, and one warp of the raw images.
# Outputs: the aligned stack (tilt, y, x), its axis vertical and in the middle; the curves.


rule align:
    """Align the tilt series and judge the alignment."""
    input:
        record=tilt_series_of,
        series=ancient("results/{dataset}/01_tilt_series/tilt_series.tif"),
    output:
        record="results/{dataset}/02_align/alignment.json",
        aligned="results/{dataset}/02_align/aligned.tif",
        table="results/{dataset}/02_align/alignment.csv",
        picture=report(
            "results/{dataset}/02_align/alignment.png",
            caption="../report/alignment.rst",
            category="{dataset}",
            subcategory="02 align",
            labels={"figure": "shifts, tilt axis and sinogram"},
        ),
    log:
        "logs/{dataset}/align.log",
    benchmark:
        "logs/{dataset}/align.benchmark.jsonl"
    conda:
        environment("io")
    threads: 4
    resources:
        mem_mb=memory_mb(1500, 4),
    params:
        settings=settings("align"),
        known=named_file("align", "apply"),
        review=named_file("align", "review"),
        code=code.code_of("align"),
    shell:
        '"$CATOMO_PYTHON" "$CATOMO_PACKAGE" align'
        " {input.record:q} --output {output.record:q} --threads {threads}"
        " --settings {params.settings:q} > {log:q} 2>&1"
