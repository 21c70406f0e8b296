# 06 predict: every slice of a dataset segmented with its model.
# Outputs: labels and confidence per voxel (n, z, x), and a picture of some slices.


def _trained_model(wildcards):
    """Return the record of the model; nothing for a ready model file."""
    dataset = PLAN.datasets[wildcards.dataset]
    return [] if dataset.model_is_file else record("train", dataset.model)


rule predict:
    """Segment all slices of a dataset."""
    input:
        record=record("slices"),
        slices=ancient("results/{dataset}/04_slices/slices.tif"),
        model=_trained_model,
    output:
        record="results/{dataset}/06_predict/prediction.json",
        labels="results/{dataset}/06_predict/labels.tif",
        confidence="results/{dataset}/06_predict/confidence.tif",
        picture=report(
            "results/{dataset}/06_predict/prediction.png",
            caption="../report/prediction.rst",
            category="{dataset}",
            subcategory="06 predict",
        ),
    log:
        "logs/{dataset}/predict.log",
    benchmark:
        "logs/{dataset}/predict.benchmark.jsonl"
    conda:
        "../../envs/segment.yaml"
    # What Snakemake reserves; TensorFlow takes the number from the settings, as in train.
    threads: lambda wildcards: PLAN.settings("predict", wildcards.dataset).threads
    resources:
        mem_mb=memory_mb(3000, 0.5),
    params:
        model=lambda wildcards: option(
            "--model",
            _trained_model(wildcards) or PLAN.datasets[wildcards.dataset].model,
        ),
        raw=lambda wildcards: (
            "" if _trained_model(wildcards) else raw("model")(wildcards)
        ),
        settings=settings("predict"),
        code=code.code_of("predict"),
    shell:
        "{RUN} predict {input.record} {params.model} --output {output.record}"
        " --threads {threads} --settings {params.settings:q} > {log} 2>&1"
