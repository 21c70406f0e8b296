# 05 train: the U-Net learns from annotated slices of one or several datasets.
# Outputs: the model, its split and scores, the curves.


def _training_data(wildcards):
    """Return the options that name each dataset's slices and labels."""
    return " ".join(
        f'--dataset {d.name} {record("slices", d.name)} "{d.labels}"'
        for d in PLAN.trainers(wildcards.model)
    )


def _training_inputs(verb):
    return lambda wildcards: [
        record(verb, d.name) for d in PLAN.trainers(wildcards.model)
    ]


def _labels_of_model(wildcards):
    """Return the fingerprints of all labels that the model learns from."""
    from types import SimpleNamespace

    return [
        raw("labels")(SimpleNamespace(dataset=d.name))
        for d in PLAN.trainers(wildcards.model)
    ]


def _teacher(wildcards):
    """Return the record of the model to start from, where the table trains it too."""
    teacher = PLAN.teacher(wildcards.model)
    return record("train", teacher) if teacher else []


def _start(wildcards):
    """Return the fingerprint of a model from elsewhere to start from."""
    if PLAN.teacher(wildcards.model):
        return ""
    return named_file("train", "init_from")(wildcards)


def _memory_mb(wildcards, attempt):
    """Return megabytes for the network and its windows, with room for the slices."""
    need = PLAN.settings("train", wildcards.model).memory_bytes()
    return int(attempt * (1000 + need / 1e6))


rule train:
    """Train the model on all datasets whose labels feed it."""
    input:
        records=_training_inputs("slices"),
        teacher=_teacher,
    output:
        record="results/models/{model}/05_train/training.json",
        model="results/models/{model}/05_train/model.keras",
        table="results/models/{model}/05_train/curves.csv",
        picture=report(
            "results/models/{model}/05_train/curves.png",
            caption="../report/curves.rst",
            category="model {model}",
            subcategory="05 train",
        ),
    log:
        "logs/models/{model}/train.log",
    benchmark:
        "logs/models/{model}/train.benchmark.jsonl"
    conda:
        "../../envs/segment.yaml"
    # What Snakemake reserves. TensorFlow takes the number from the settings itself: with
    # fewer cores than that its threads share them, and the weights stay the same.
    threads: lambda wildcards: PLAN.settings("train", wildcards.model).threads
    resources:
        mem_mb=_memory_mb,
    params:
        data=_training_data,
        labels=_labels_of_model,
        settings=settings("train"),
        start=_start,
        code=code.code_of("train"),
    shell:
        "{RUN} train {params.data} --output {output.record} --threads {threads}"
        " --settings {params.settings:q} > {log} 2>&1"
