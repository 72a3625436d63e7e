"""BibTeX entries: of this package, and of each publication that defines a dataset or a metric.

A dataset (``About.source``) and a metric (``Entry.source``) name their publication in short, as in "Wang et al., TPAMI
2020". An entry here has the words of that short form, so that a source is written down once.
"""

from __future__ import annotations

from dataclasses import dataclass

from crowdeval.version import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """One publication.

    Attributes
    ----------
    authors, venue : str
        The short form under which sources name it: ``"Song et al."`` and ``"ICCV 2021"``.
    bibtex : str
        The BibTeX entry, without a line break at its end.
    """

    authors: str
    venue: str
    bibtex: str


TOOL = f"""@misc{{crowdeval,
  author = {{{{The crowdeval authors}}}},
  title = {{crowdeval: nAP and the Metrics of Crowd Counting and Point Localization}},
  note = {{Python package, version {__version__}}},
}}"""
"""BibTeX of this package in its version."""

SONG = Citation(
    authors="Song et al.",
    venue="ICCV 2021",
    bibtex="""@inproceedings{song2021rethinking,
  author = {Song, Qingyu and Wang, Changan and Jiang, Zhengkai and Wang, Yabiao and Tai, Ying and Wang, Chengjie and
            Li, Jilin and Huang, Feiyue and Wu, Yang},
  title = {Rethinking Counting and Localization in Crowds: A Purely Point-Based Framework},
  booktitle = {Proceedings of the IEEE/CVF International Conference on Computer Vision (ICCV)},
  pages = {3365--3374},
  year = {2021},
}""",
)
"""The paper that defines nAP."""

CITATIONS = (
    SONG,
    Citation(
        authors="Zhang et al.",
        venue="CVPR 2016",
        bibtex="""@inproceedings{zhang2016single,
  author = {Zhang, Yingying and Zhou, Desen and Chen, Siqin and Gao, Shenghua and Ma, Yi},
  title = {Single-Image Crowd Counting via Multi-Column Convolutional Neural Network},
  booktitle = {Proceedings of the IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  pages = {589--597},
  year = {2016},
}""",
    ),
    Citation(
        authors="Idrees et al.",
        venue="CVPR 2013",
        bibtex="""@inproceedings{idrees2013multi,
  author = {Idrees, Haroon and Saleemi, Imran and Seibert, Cody and Shah, Mubarak},
  title = {Multi-Source Multi-Scale Counting in Extremely Dense Crowd Images},
  booktitle = {Proceedings of the IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  pages = {2547--2554},
  year = {2013},
}""",
    ),
    Citation(
        authors="Idrees et al.",
        venue="ECCV 2018",
        bibtex="""@inproceedings{idrees2018composition,
  author = {Idrees, Haroon and Tayyab, Muhmmad and Athrey, Kishan and Zhang, Dong and Al-Maadeed, Somaya and
            Rajpoot, Nasir and Shah, Mubarak},
  title = {Composition Loss for Counting, Density Map Estimation and Localization in Dense Crowds},
  booktitle = {Proceedings of the European Conference on Computer Vision (ECCV)},
  year = {2018},
}""",
    ),
    Citation(
        authors="Wang et al.",
        venue="TPAMI 2020",
        bibtex="""@article{wang2020nwpu,
  author = {Wang, Qi and Gao, Junyu and Lin, Wei and Li, Xuelong},
  title = {{NWPU-Crowd}: A Large-Scale Benchmark for Crowd Counting and Localization},
  journal = {IEEE Transactions on Pattern Analysis and Machine Intelligence},
  doi = {10.1109/TPAMI.2020.3013269},
  year = {2020},
}""",
    ),
    Citation(
        authors="Sindagi et al.",
        venue="TPAMI 2020",
        bibtex="""@article{sindagi2020jhu,
  author = {Sindagi, Vishwanath A. and Yasarla, Rajeev and Patel, Vishal M.},
  title = {{JHU-CROWD++}: Large-Scale Crowd Counting Dataset and A Benchmark Method},
  journal = {IEEE Transactions on Pattern Analysis and Machine Intelligence},
  doi = {10.1109/TPAMI.2020.3035969},
  year = {2020},
}""",
    ),
    Citation(
        authors="Yang et al.",
        venue="CVPR 2016",
        bibtex="""@inproceedings{yang2016wider,
  author = {Yang, Shuo and Luo, Ping and Loy, Chen Change and Tang, Xiaoou},
  title = {{WIDER FACE}: A Face Detection Benchmark},
  booktitle = {Proceedings of the IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  pages = {5525--5533},
  year = {2016},
}""",
    ),
    Citation(
        authors="Sam et al.",
        venue="TPAMI 2020",
        bibtex="""@article{sam2020locate,
  author = {Sam, Deepak Babu and Peri, Skand Vishwanath and Narayanan Sundararaman, Mukuntha and Kamath, Amogh and
            Babu, R. Venkatesh},
  title = {Locate, Size and Count: Accurately Resolving People in Dense Crowds via Detection},
  journal = {IEEE Transactions on Pattern Analysis and Machine Intelligence},
  doi = {10.1109/TPAMI.2020.2974830},
  year = {2020},
}""",
    ),
    Citation(
        authors="Guerrero-Gomez-Olmedo et al.",
        venue="IbPRIA 2015",
        bibtex=r"""@inproceedings{guerrero2015extremely,
  author = {Guerrero-G{\'o}mez-Olmedo, Ricardo and Torre-Jim{\'e}nez, Beatriz and L{\'o}pez-Sastre, Roberto and
            Maldonado-Basc{\'o}n, Saturnino and O{\~n}oro-Rubio, Daniel},
  title = {Extremely Overlapping Vehicle Counting},
  booktitle = {Iberian Conference on Pattern Recognition and Image Analysis (IbPRIA)},
  pages = {423--431},
  year = {2015},
}""",
    ),
)
"""The publications of the built-in datasets and metrics."""


def bibtex_of(source: str) -> str:
    """Return the BibTeX entries of the publications that a source names.

    Parameters
    ----------
    source : str
        The source of a dataset or of a metric.

    Returns
    -------
    str
        The entries, with an empty line between two; empty where the source names no known publication.

    Examples
    --------
    >>> bibtex_of("Song et al., ICCV 2021, sec. 3.2").partition(",")[0]
    '@inproceedings{song2021rethinking'
    >>> bibtex_of("standard")
    ''
    """
    return "\n\n".join(each.bibtex for each in CITATIONS if each.authors in source and each.venue in source)
