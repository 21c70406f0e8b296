# The summary: the numbers of all datasets on one page and in one table.
# Outputs: summary.html, summary.csv and their record, in the folder of results itself. It runs
# after all datasets. Where one of them failed Snakemake does not run it; then it is written when
# the workflow ends (hooks.smk).


# In another project's Snakefile the rule has another name, which is not known here.
if not _IN_MODULE:

    localrules:
        summary,


rule summary:
    """Put the numbers of all datasets on one page, and compare their groups."""
    input:
        records=last_records,
    output:
        record="results/summary.json",
        table="results/summary.csv",
        page=report(
            "results/summary.html",
            caption="../report/summary.rst",
            category="summary of all datasets",
            labels={"figure": "page of all datasets"},
        ),
    log:
        "logs/summary.log",
    conda:
        environment("io")
    resources:
        mem_mb=memory_mb(1000, 0),
    params:
        # A function: in a text Snakemake takes braces, as of {111}, for wildcards.
        datasets=lambda wildcards: summary_of(PLAN).model_dump_json(),
        code=code.code_of("summary"),
    shell:
        '"$CATOMO_PYTHON" "$CATOMO_PACKAGE" summary --output {output.record:q}'
        " --datasets {params.datasets:q} > {log:q} 2>&1"
