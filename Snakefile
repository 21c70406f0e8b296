# Lets `snakemake --cores 8 --use-conda` work at the top of the repository.
include: "workflow/Snakefile"


# Without this line the included rule all is not the target, and nothing would be done.
# A project that uses this file as a module may have given the target another name, or left
# it out.
workflow.default_target = (
    workflow.modifier.avail_rulename("all") or workflow.default_target
)
