# 03 reconstruct: MLEM or OSEM, slice by slice, on the CPU or a GPU.
# Outputs: the volume (y, z, x) in float32 and its orthoslices.


rule reconstruct:
    """Reconstruct the volume from the aligned tilt series."""
    input:
        record=record("align"),
        aligned=ancient("results/{dataset}/02_align/aligned.tif"),
        truth=truth_of,
    output:
        record="results/{dataset}/03_reconstruct/reconstruction.json",
        volume="results/{dataset}/03_reconstruct/volume.tif",
        picture=report(
            "results/{dataset}/03_reconstruct/orthoslices.png",
            caption="../report/orthoslices.rst",
            category="{dataset}",
            subcategory="03 reconstruct",
            labels={"figure": "orthogonal slices"},
        ),
    log:
        "logs/{dataset}/reconstruct.log",
    benchmark:
        "logs/{dataset}/reconstruct.benchmark.jsonl"
    conda:
        environment_of_backend
    threads: 8
    resources:
        mem_mb=memory_mb(2000, 0.5),
        gpu=gpu_of_backend,
    params:
        truth=input_option("--truth", "truth"),
        settings=settings("reconstruct"),
        code=code.code_of("reconstruct"),
    shell:
        '"$CATOMO_PYTHON" "$CATOMO_PACKAGE" reconstruct'
        " {input.record:q} {params.truth} --output {output.record:q}"
        " --threads {threads} --settings {params.settings:q} > {log:q} 2>&1"
