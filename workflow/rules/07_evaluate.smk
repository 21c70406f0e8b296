# 07 evaluate: the segmentation against annotated slices that the model has not seen.
# Outputs: scores per class and per image, and pictures of where it is wrong. A segmentation from
# elsewhere has no confidence, so no picture of it.


rule evaluate:
    """Score the segmentation: DSC, precision, recall, robust Hausdorff distances, particles."""
    input:
        record=record("predict"),
        slices=record("slices"),
        training=trained_model_of,
        predicted=ancient(
            expand(
                "results/{{dataset}}/06_predict/{name}",
                name=["labels.tif", "confidence.tif", "expected_dsc.csv"],
            )
        ),
    output:
        record="results/{dataset}/07_evaluate/metrics.json",
        tables=expand(
            "results/{{dataset}}/07_evaluate/{table}.csv",
            table=["evaluation", "table_1"],
        ),
        pictures=figures(
            "07_evaluate",
            "07 evaluate",
            "evaluation",
            {**OF_EVALUATION, **OF_CONFIDENCE},
        ),
    log:
        "logs/{dataset}/evaluate.log",
    benchmark:
        "logs/{dataset}/evaluate.benchmark.jsonl"
    wildcard_constraints:
        dataset=names("phantom", "tilt_series", "slices"),
    conda:
        environment("io")
    resources:
        mem_mb=memory_mb(2000, 4),
    params:
        slices=input_option("--slices", "slices"),
        labels=column_option("--labels", "labels"),
        training=input_option("--training", "training"),
        raw=raw("labels"),
        settings=settings("evaluate"),
        code=code.code_of("evaluate"),
    shell:
        '"$CATOMO_PYTHON" "$CATOMO_PACKAGE" evaluate'
        " {input.record:q} {params.slices} {params.labels} {params.training}"
        " --output {output.record:q} --threads {threads}"
        " --settings {params.settings:q} > {log:q} 2>&1"


use rule evaluate as evaluate_segmentation with:
    input:
        record=record("segmentation"),
        labels=ancient("results/{dataset}/06_segmentation/labels.tif"),
    output:
        record="results/{dataset}/07_evaluate/metrics.json",
        tables=expand(
            "results/{{dataset}}/07_evaluate/{table}.csv",
            table=["evaluation", "table_1"],
        ),
        pictures=figures("07_evaluate", "07 evaluate", "evaluation", OF_EVALUATION),
    wildcard_constraints:
        dataset=names("segmentation"),
