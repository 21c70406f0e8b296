"""The works that a methods text cites, each with its entry for BibTeX."""

from __future__ import annotations

from dataclasses import dataclass

from catomo import __version__


@dataclass(frozen=True)
class Work:
    """A work: how a text names it, and the lines of its entry.

    Attributes
    ----------
    cited : str
        Such as ``Genc et al. 2022``.
    kind : str
        BibTeX's word for its kind.
    fields : dict of str to str
    """

    cited: str
    kind: str
    fields: dict[str, str]

    def bibtex(self, key: str) -> str:
        """Return the entry under a key."""
        lines = "".join(f"  {name} = {{{value}}},\n" for name, value in self.fields.items())
        return f"@{self.kind}{{{key},\n{lines}}}"


def _article(cited: str, author: str, title: str, journal: str, **more: str) -> Work:
    return Work(cited, "article", {"author": author, "title": title, "journal": journal, **more})


def _talk(cited: str, author: str, title: str, booktitle: str, **more: str) -> Work:
    fields = {"author": author, "title": title, "booktitle": booktitle, **more}
    return Work(cited, "inproceedings", fields)


WORKS = {
    "catomo": Work(
        "catomo",
        "software",
        {
            "author": "{The catomo authors}",
            "title": "catomo: from an electron-tomography tilt series of a catalyst to numbers "
            "and surfaces",
            "version": __version__,
        },
    ),
    "genc2022": _article(
        "Genc et al. 2022",
        "Genc, Arda and Kovarik, Libor and Fraser, Hamish L.",
        "A deep learning approach for semantic segmentation of unbalanced data in electron "
        "tomography of catalytic materials",
        "Scientific Reports",
        volume="12", year="2022",
    ),
    "thevenaz1998": _article(
        "Thévenaz et al. 1998",
        "Thévenaz, Philippe and Ruttimann, Urs E. and Unser, Michael",
        "A pyramid approach to subpixel registration based on intensity",
        "IEEE Transactions on Image Processing",
        volume="7", number="1", pages="27--41", year="1998",
    ),
    "shepp1982": _article(
        "Shepp & Vardi 1982",
        "Shepp, Lawrence A. and Vardi, Yehuda",
        "Maximum likelihood reconstruction for emission tomography",
        "IEEE Transactions on Medical Imaging",
        volume="1", number="2", pages="113--122", year="1982",
    ),
    "hudson1994": _article(
        "Hudson & Larkin 1994",
        "Hudson, H. Malcolm and Larkin, Richard S.",
        "Accelerated image reconstruction using ordered subsets of projection data",
        "IEEE Transactions on Medical Imaging",
        volume="13", number="4", pages="601--609", year="1994",
    ),
    "rudin1992": _article(
        "Rudin et al. 1992",
        "Rudin, Leonid I. and Osher, Stanley and Fatemi, Emad",
        "Nonlinear total variation based noise removal algorithms",
        "Physica D",
        volume="60", pages="259--268", year="1992",
    ),
    "gilbert1972": _article(
        "Gilbert 1972",
        "Gilbert, Peter",
        "Iterative methods for the three-dimensional reconstruction of an object from projections",
        "Journal of Theoretical Biology",
        volume="36", number="1", pages="105--117", year="1972",
    ),
    "gursoy2014": _article(
        "Gürsoy et al. 2014",
        "Gürsoy, Doğa and De Carlo, Francesco and Xiao, Xianghui and Jacobsen, Chris",
        "TomoPy: a framework for the analysis of synchrotron tomographic data",
        "Journal of Synchrotron Radiation",
        volume="21", number="5", pages="1188--1193", year="2014",
    ),
    "vanaarle2016": _article(
        "van Aarle et al. 2016",
        "van Aarle, Wim and Palenstijn, Willem Jan and Cant, Jeroen and Janssens, Eline and "
        "Bleichrodt, Folkert and Dabravolski, Andrei and De Beenhouwer, Jan and "
        "Batenburg, K. Joost and Sijbers, Jan",
        "Fast and flexible X-ray tomography using the ASTRA toolbox",
        "Optics Express",
        volume="24", number="22", pages="25129--25147", year="2016",
    ),
    "ronneberger2015": _talk(
        "Ronneberger et al. 2015",
        "Ronneberger, Olaf and Fischer, Philipp and Brox, Thomas",
        "U-Net: convolutional networks for biomedical image segmentation",
        "Medical Image Computing and Computer-Assisted Intervention (MICCAI)",
        pages="234--241", year="2015",
    ),
    "lin2017": _talk(
        "Lin et al. 2017",
        "Lin, Tsung-Yi and Goyal, Priya and Girshick, Ross and He, Kaiming and Dollár, Piotr",
        "Focal loss for dense object detection",
        "IEEE International Conference on Computer Vision (ICCV)", pages="2980--2988", year="2017",
    ),
    "kingma2015": _talk(
        "Kingma & Ba 2015",
        "Kingma, Diederik P. and Ba, Jimmy",
        "Adam: a method for stochastic optimization",
        "International Conference on Learning Representations (ICLR)", year="2015",
    ),
    "guo2017": _talk(
        "Guo et al. 2017",
        "Guo, Chuan and Pleiss, Geoff and Sun, Yu and Weinberger, Kilian Q.",
        "On calibration of modern neural networks",
        "International Conference on Machine Learning (ICML)", pages="1321--1330", year="2017",
    ),
    "taubin1995": _talk(
        "Taubin 1995",
        "Taubin, Gabriel",
        "A signal processing approach to fair surface design",
        "Proceedings of SIGGRAPH", pages="351--358", year="1995",
    ),
    "schroeder2015": _talk(
        "Schroeder et al. 2015",
        "Schroeder, William and Maynard, Rob and Geveci, Berk",
        "Flying edges: a high-performance scalable isocontouring algorithm",
        "IEEE Symposium on Large Data Analysis and Visualization (LDAV)",
        pages="33--40", year="2015",
    ),
    "molder2021": _article(
        "Mölder et al. 2021",
        "Mölder, Felix and Jablonski, Kim Philipp and Letcher, Brice and Hall, Michael B. and "
        "Tomkins-Tinch, Christopher H. and Sochat, Vanessa and Forster, Jan and Lee, Soohyun and "
        "Twardziok, Sven O. and Kanitz, Alexander and Wilm, Andreas and Holtgrewe, Manuel and "
        "Rahmann, Sven and Nahnsen, Sven and Köster, Johannes",
        "Sustainable data analysis with Snakemake",
        "F1000Research",
        volume="10", pages="33", year="2021",
    ),
}  # fmt: skip
