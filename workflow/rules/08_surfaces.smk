# 08 surfaces: meshes of every class, views of them, and the quantities a chemist asks for.
# Outputs: VTP, STL, GLB and VTM meshes in nm, small copies of them, a script that opens them in
# ParaView, PNG views, the table of particles.


rule surfaces:
    """Make surfaces and quantities from the segmentation."""
    input:
        record=segmentation_of,
        labels=ancient(labels_of),
    output:
        record="results/{dataset}/08_surfaces/quantities.json",
        particles="results/{dataset}/08_surfaces/particles.csv",
        scene="results/{dataset}/08_surfaces/surfaces.glb",
        pictures=figures("08_surfaces", "08 surfaces", "surfaces", OF_SURFACES),
    log:
        "logs/{dataset}/surfaces.log",
    benchmark:
        "logs/{dataset}/surfaces.benchmark.jsonl"
    conda:
        environment("surfaces")
    resources:
        mem_mb=memory_per_voxel(3000, 16),
    params:
        settings=settings("surfaces"),
        code=code.code_of("surfaces"),
        review=raw("review"),
        of_review=column_option("--review", "review"),
    shell:
        '"$CATOMO_PYTHON" "$CATOMO_PACKAGE" surfaces'
        " {input.record:q} --output {output.record:q} --threads {threads} {params.of_review}"
        " --settings {params.settings:q} > {log:q} 2>&1"
