# 05 train: the U-Net learns from annotated slices of one or several datasets.
# Outputs: the model, its split and scores, the curves.


rule train:
    """Train the model on all datasets whose labels feed it."""
    input:
        records=training_slices_of,
        teacher=teacher_of,
    output:
        record="results/models/{model}/05_train/training.json",
        model="results/models/{model}/05_train/model.keras",
        table="results/models/{model}/05_train/curves.csv",
        picture=report(
            "results/models/{model}/05_train/curves.png",
            caption="../report/curves.rst",
            category="model {model}",
            subcategory="05 train",
            labels={"figure": "loss and scores while training"},
        ),
    log:
        "logs/models/{model}/train.log",
    benchmark:
        "logs/models/{model}/train.benchmark.jsonl"
    conda:
        environment("segment")
    threads: threads_of("train")
    resources:
        mem_mb=training_memory_mb,
        gpu=gpu_of_network,
    params:
        data=training_data,
        teacher=input_option("--init-from", "teacher"),
        labels=labels_of_model,
        settings=settings("train"),
        start=start_of_model,
        code=code.code_of("train"),
    shell:
        '"$CATOMO_PYTHON" "$CATOMO_PACKAGE" train'
        " {params.data} {params.teacher} --output {output.record:q}"
        " --threads {threads} --settings {params.settings:q} > {log:q} 2>&1"
