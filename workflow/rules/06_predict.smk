# 06 predict: every slice of a dataset segmented with its model.
# Outputs: labels and confidence per voxel (n, z, x), and the accuracy to expect of each slice. The
# page draws their picture (09), so that no network runs again for another colour.


rule predict:
    """Segment all slices of a dataset."""
    input:
        record=record("slices"),
        slices=ancient("results/{dataset}/04_slices/slices.tif"),
        model=trained_model_of,
    output:
        record="results/{dataset}/06_predict/prediction.json",
        labels="results/{dataset}/06_predict/labels.tif",
        confidence="results/{dataset}/06_predict/confidence.tif",
        expected="results/{dataset}/06_predict/expected_dsc.csv",
    log:
        "logs/{dataset}/predict.log",
    benchmark:
        "logs/{dataset}/predict.benchmark.jsonl"
    conda:
        environment("segment")
    threads: threads_of("predict")
    resources:
        mem_mb=memory_mb(3000, 0.5),
        gpu=gpu_of_network,
    params:
        model=model_option,
        raw=raw_model,
        settings=settings("predict"),
        code=code.code_of("predict"),
    shell:
        '"$CATOMO_PYTHON" "$CATOMO_PACKAGE" predict'
        " {input.record:q} {params.model} --output {output.record:q}"
        " --threads {threads} --settings {params.settings:q} > {log:q} 2>&1"
