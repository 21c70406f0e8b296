# 09 report: everything about a dataset on one self-contained page.
# Outputs: report.html with all pictures inside, and where every file came from.


rule report:
    """Write the page of a dataset."""
    input:
        records=records_of,
    output:
        record="results/{dataset}/09_report/provenance.json",
        page="results/{dataset}/09_report/report.html",
    log:
        "logs/{dataset}/report.log",
    benchmark:
        "logs/{dataset}/report.benchmark.jsonl"
    conda:
        environment("io")
    resources:
        mem_mb=memory_mb(1000, 0),
    params:
        settings=settings("report"),
        code=code.code_of("report"),
    shell:
        '"$CATOMO_PYTHON" "$CATOMO_PACKAGE" report'
        " {input.records:q} --dataset {wildcards.dataset} --output {output.record:q}"
        " --settings {params.settings:q} > {log:q} 2>&1"
