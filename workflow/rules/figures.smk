# Figures of a dataset in Snakemake's own report.


def figures(folder, subcategory, caption, titles):
    """Return pictures of a stage as outputs, each with its title in the report.

    Parameters
    ----------
    folder : str
        Of the stage.
    subcategory, caption : str
        What the report groups them by, and the name of their caption.
    titles : dict of str
        By the names of the pictures.
    """
    found = []
    for name, title in titles.items():
        found += report(
            [f"results/{{dataset}}/{folder}/{name}.png"],
            caption=f"../report/{caption}.rst",
            category="{dataset}",
            subcategory=subcategory,
            labels={"figure": title},
        )
    return found


OF_EVALUATION = {
    "comparison": "annotation, prediction and errors in a typical image",
    "worst": "annotation, prediction and errors in the three worst images",
    "unseen": "slices that nobody annotated",
    "rhd": "robust Hausdorff distance",
    "confusion": "confusion matrix",
}
OF_CONFIDENCE = {"confidence": "where the network is right, by its confidence"}
OF_SURFACES = {
    "view_front": "along the beam",
    "view_side": "from the side",
    "view_top": "along the tilt axis",
    "view_opaque": "obliquely, all opaque",
}
