# 01 tilt_series: simulate a phantom, or import a microscope's files.
# Outputs: the tilt series (tilt, y, x) in float32; for phantoms also the truth. The record
# lists the shares of the parts too, whose names depend on the specimen.


rule simulate:
    """Simulate the tilt series of a phantom and keep the truth for every later stage."""
    input:
        nothing,
    output:
        record="results/{dataset}/01_tilt_series/tilt_series.json",
        series="results/{dataset}/01_tilt_series/tilt_series.tif",
        truth="results/{dataset}/01_tilt_series/truth.json",
        labels="results/{dataset}/01_tilt_series/truth_labels.tif",
        density="results/{dataset}/01_tilt_series/truth_density.tif",
        picture=report(
            "results/{dataset}/01_tilt_series/tilt_series.png",
            caption="../report/tilt_series.rst",
            category="{dataset}",
            subcategory="01 tilt series",
            labels={"figure": "image at 0° tilt"},
        ),
    log:
        "logs/{dataset}/simulate.log",
    benchmark:
        "logs/{dataset}/simulate.benchmark.jsonl"
    wildcard_constraints:
        dataset=names("phantom"),
    conda:
        environment("io")
    resources:
        mem_mb=memory_of_phantom,
    params:
        specimen=column_option("", "path"),
        raw=raw("path"),
        settings=settings("simulate"),
        code=code.code_of("simulate"),
    shell:
        '"$CATOMO_PYTHON" "$CATOMO_PACKAGE" simulate'
        " {params.specimen} --output {output.record:q} --threads {threads}"
        " --settings {params.settings:q} > {log:q} 2>&1"


rule import_tilt_series:
    """Read a tilt series, its angles and pixel size from a microscope's files."""
    input:
        nothing,
    output:
        record="results/{dataset}/01_tilt_series/tilt_series.json",
        series="results/{dataset}/01_tilt_series/tilt_series.tif",
        picture=report(
            "results/{dataset}/01_tilt_series/tilt_series.png",
            caption="../report/tilt_series.rst",
            category="{dataset}",
            subcategory="01 tilt series",
            labels={"figure": "image at 0° tilt"},
        ),
    log:
        "logs/{dataset}/import.log",
    benchmark:
        "logs/{dataset}/import.benchmark.jsonl"
    wildcard_constraints:
        dataset=names("tilt_series"),
    conda:
        environment("io")
    resources:
        mem_mb=memory_mb(2000, 0),
    params:
        series=column_option("", "path"),
        angles=column_option("--angles", "angles"),
        pixel_size=column_option("--pixel-size-nm", "pixel_size_nm"),
        raw=raw("path"),
        raw_angles=raw("angles"),
        settings=settings("import"),
        code=code.code_of("import"),
    shell:
        '"$CATOMO_PYTHON" "$CATOMO_PACKAGE" import'
        " {params.series} {params.angles} {params.pixel_size} --threads {threads}"
        " --output {output.record:q} --settings {params.settings:q} > {log:q} 2>&1"
