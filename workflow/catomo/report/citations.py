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
        "misc",  # an entry for software is not known to every style
        {
            "author": "{The catomo authors}",
            "title": "catomo: from an electron-tomography tilt series of a catalyst to numbers "
            "and surfaces",
            "note": f"Version {__version__}",
        },
    ),
    "genc2022": _article(
        "Genc et al. 2022",
        "Genc, Arda and Kovarik, Libor and Fraser, Hamish L.",
        "A deep learning approach for semantic segmentation of unbalanced data in electron "
        "tomography of catalytic materials",
        "Scientific Reports",
        volume="12", year="2022", doi="10.1038/s41598-022-16429-3",
    ),
    "thevenaz1998": _article(
        "Thévenaz et al. 1998",
        "Thévenaz, Philippe and Ruttimann, Urs E. and Unser, Michael",
        "A pyramid approach to subpixel registration based on intensity",
        "IEEE Transactions on Image Processing",
        volume="7", number="1", pages="27--41", year="1998", doi="10.1109/83.650848",
    ),
    "shepp1982": _article(
        "Shepp & Vardi 1982",
        "Shepp, Lawrence A. and Vardi, Yehuda",
        "Maximum likelihood reconstruction for emission tomography",
        "IEEE Transactions on Medical Imaging",
        volume="1", number="2", pages="113--122", year="1982", doi="10.1109/TMI.1982.4307558",
    ),
    "hudson1994": _article(
        "Hudson & Larkin 1994",
        "Hudson, H. Malcolm and Larkin, Richard S.",
        "Accelerated image reconstruction using ordered subsets of projection data",
        "IEEE Transactions on Medical Imaging",
        volume="13", number="4", pages="601--609", year="1994", doi="10.1109/42.363108",
    ),
    "rudin1992": _article(
        "Rudin et al. 1992",
        "Rudin, Leonid I. and Osher, Stanley and Fatemi, Emad",
        "Nonlinear total variation based noise removal algorithms",
        "Physica D: Nonlinear Phenomena",
        volume="60", number="1--4", pages="259--268", year="1992",
        doi="10.1016/0167-2789(92)90242-F",
    ),
    "gilbert1972": _article(
        "Gilbert 1972",
        "Gilbert, Peter",
        "Iterative methods for the three-dimensional reconstruction of an object from projections",
        "Journal of Theoretical Biology",
        volume="36", number="1", pages="105--117", year="1972",
        doi="10.1016/0022-5193(72)90180-4",
    ),
    "gursoy2014": _article(
        "Gürsoy et al. 2014",
        "Gürsoy, Doğa and De Carlo, Francesco and Xiao, Xianghui and Jacobsen, Chris",
        "{TomoPy}: a framework for the analysis of synchrotron tomographic data",
        "Journal of Synchrotron Radiation",
        volume="21", number="5", pages="1188--1193", year="2014", doi="10.1107/S1600577514013939",
    ),
    "vanaarle2016": _article(
        "van Aarle et al. 2016",
        "van Aarle, Wim and Palenstijn, Willem Jan and Cant, Jeroen and Janssens, Eline and "
        "Bleichrodt, Folkert and Dabravolski, Andrei and De Beenhouwer, Jan and "
        "Batenburg, K. Joost and Sijbers, Jan",
        "Fast and flexible {X}-ray tomography using the {ASTRA} toolbox",
        "Optics Express",
        volume="24", number="22", pages="25129--25147", year="2016", doi="10.1364/OE.24.025129",
    ),
    "ronneberger2015": _talk(
        "Ronneberger et al. 2015",
        "Ronneberger, Olaf and Fischer, Philipp and Brox, Thomas",
        "{U-Net}: convolutional networks for biomedical image segmentation",
        "Medical Image Computing and Computer-Assisted Intervention (MICCAI)",
        series="Lecture Notes in Computer Science", volume="9351", pages="234--241", year="2015",
        doi="10.1007/978-3-319-24574-4_28",
    ),
    "lin2017": _talk(
        "Lin et al. 2017",
        "Lin, Tsung-Yi and Goyal, Priya and Girshick, Ross and He, Kaiming and Dollár, Piotr",
        "Focal loss for dense object detection",
        "IEEE International Conference on Computer Vision (ICCV)",
        pages="2999--3007", year="2017", doi="10.1109/ICCV.2017.324",
    ),
    "kingma2015": _talk(
        "Kingma & Ba 2015",
        "Kingma, Diederik P. and Ba, Jimmy",
        "{Adam}: a method for stochastic optimization",
        "3rd International Conference on Learning Representations (ICLR)", year="2015",
        eprint="1412.6980", archiveprefix="arXiv",
    ),
    "guo2017": _talk(
        "Guo et al. 2017",
        "Guo, Chuan and Pleiss, Geoff and Sun, Yu and Weinberger, Kilian Q.",
        "On calibration of modern neural networks",
        "34th International Conference on Machine Learning (ICML)",
        series="Proceedings of Machine Learning Research", volume="70", pages="1321--1330",
        year="2017", eprint="1706.04599", archiveprefix="arXiv",
    ),
    "taubin1995": _talk(
        "Taubin 1995",
        "Taubin, Gabriel",
        "A signal processing approach to fair surface design",
        "22nd Annual Conference on Computer Graphics and Interactive Techniques (SIGGRAPH)",
        pages="351--358", year="1995", doi="10.1145/218380.218473",
    ),
    "schroeder2015": _talk(
        "Schroeder et al. 2015",
        "Schroeder, William and Maynard, Rob and Geveci, Berk",
        "Flying edges: a high-performance scalable isocontouring algorithm",
        "5th IEEE Symposium on Large Data Analysis and Visualization (LDAV)",
        pages="33--40", year="2015", doi="10.1109/LDAV.2015.7348069",
    ),
    "molder2021": _article(
        "Mölder et al. 2021",
        "Mölder, Felix and Jablonski, Kim Philipp and Letcher, Brice and Hall, Michael B. and "
        "Tomkins-Tinch, Christopher H. and Sochat, Vanessa and Forster, Jan and Lee, Soohyun and "
        "Twardziok, Sven O. and Kanitz, Alexander and Wilm, Andreas and Holtgrewe, Manuel and "
        "Rahmann, Sven and Nahnsen, Sven and Köster, Johannes",
        "Sustainable data analysis with {Snakemake}",
        "F1000Research",
        volume="10", pages="33", year="2021", doi="10.12688/f1000research.29032.2",
    ),
}  # fmt: skip
