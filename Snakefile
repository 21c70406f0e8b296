# Lets `snakemake --cores 8 --use-conda` work at the top of the repository.
include: "workflow/Snakefile"


# Without this line the included rule all is not the target, and nothing would be done.
workflow.default_target = "all"
