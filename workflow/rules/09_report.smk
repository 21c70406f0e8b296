# 09 report: everything about a dataset on one self-contained page.
# Outputs: report.html with all pictures inside, that of a segmentation, and where every file
# came from; the dataset's folder described as an RO-Crate. A folder of slices may have no
# segmentation, and Snakemake knows no outputs that may be missing, so its picture is no output here:
# Snakemake's own report has it through the page.


rule report:
    """Write the page of a dataset."""
    input:
        records=records_of,
    output:
        record="results/{dataset}/09_report/provenance.json",
        crate="results/{dataset}/ro-crate-metadata.json",
        page=report(
            "results/{dataset}/09_report/report.html",
            caption="../report/page.rst",
            category="{dataset}",
            subcategory="09 report",
            labels={"figure": "page of the dataset"},
        ),
    log:
        "logs/{dataset}/report.log",
    benchmark:
        "logs/{dataset}/report.benchmark.jsonl"
    conda:
        environment("io")
    resources:
        mem_mb=memory_mb(2000, 0),
    params:
        settings=settings("report"),
        code=code.code_of("report"),
    shell:
        '"$CATOMO_PYTHON" "$CATOMO_PACKAGE" report'
        " {input.records:q} --dataset {wildcards.dataset} --output {output.record:q}"
        " --crate --settings {params.settings:q} > {log:q} 2>&1"
