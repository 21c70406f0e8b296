"""What a process that runs Snakemake imports and works out first, done once for many of them."""

from importlib import import_module

from catomo.record import code
from catomo.stages import STAGES

for _name in (
    "snakemake.cli",
    "snakemake.assets",
    "snakemake.profiles",
    "snakemake.report.html_reporter",
    "snakemake.storage",
    "requests",
    "smart_open",
    "catomo.cli",
    "catomo.plan.chain",
    "catomo.plan.cluster",
    "catomo.plan.failures",
    "catomo.plan.plan",
    "catomo.plan.sizes",
):
    import_module(_name)
for _stage in STAGES:
    import_module(f"catomo.{_stage.package}.settings")
    code.code_of(_stage.verb)
