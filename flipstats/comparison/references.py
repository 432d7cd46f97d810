"""Where each method and each variant of effect size comes from."""

from __future__ import annotations

_WWC = "What Works Clearinghouse (2022). Procedures and Standards Handbook, version 5.0."
_LUNCEFORD = "Lunceford J. K., Davidian M. (2004). Statistics in Medicine 23, 2937-2960."
_STACKED = "Stefanski L. A., Boos D. D. (2002). The American Statistician 56, 29-38."
_KR = "Kenward M. G., Roger J. H. (1997). Biometrics 53, 983-997."
_SATTERTHWAITE = "Satterthwaite F. E. (1946). Biometrics Bulletin 2, 110-114."
_HC = "MacKinnon J. G., White H. (1985). Journal of Econometrics 29, 305-325."

REFERENCES: dict[str, tuple[str, ...]] = {
    "welch": ("Welch B. L. (1947). Biometrika 34, 28-35.",),
    "mannwhitney": (
        "Mann H. B., Whitney D. R. (1947). Annals of Mathematical Statistics 18, 50-60.",
        "Hodges J. L., Lehmann E. L. (1963). Annals of Mathematical Statistics 34, 598-611.",
    ),
    "ancova_hc3": (_HC,),
    "lin_hc2": ("Lin W. (2013). Annals of Applied Statistics 7, 295-318.", _HC),
    "newcombe": ("Newcombe R. G. (1998). Statistics in Medicine 17, 873-890.",),
    "gcomp": ("Robins J. (1986). Mathematical Modelling 7, 1393-1512.",),
    "cluster_means": (
        "Donner A., Klar N. (2000). Design and Analysis of Cluster Randomization Trials. Arnold.",
    ),
    "cluster_permutation": ("Gail M. H. et al. (1996). Statistics in Medicine 15, 1069-1092.",),
    "reml_satterthwaite": (_SATTERTHWAITE, "Kuznetsova A. et al. (2017). J. Statistical Software 82(13)."),
    "reml_kr": (_KR,),
    "cr2": (
        "Bell R. M., McCaffrey D. F. (2002). Survey Methodology 28, 169-181.",
        "Pustejovsky J. E., Tipton E. (2018). J. Business & Economic Statistics 36, 672-683.",
    ),
    "ipw_ate": (_LUNCEFORD, _STACKED),
    "ipw_att": (_LUNCEFORD, _STACKED),
    "overlap": (
        "Li F., Morgan K. L., Zaslavsky A. M. (2018). J. American Statistical Association 113, 390-400.",
        _STACKED,
    ),
    "aipw": ("Glynn A. N., Quinn K. M. (2010). Political Analysis 18, 36-56.",),
    "nn_match": ("Austin P. C. (2011). Multivariate Behavioral Research 46, 399-424.",),
    "did": ("Angrist J. D., Pischke J.-S. (2009). Mostly Harmless Econometrics, ch. 5. Princeton.",),
    "wwc": (_WWC,),
    "wwc_cluster": (_WWC, "Hedges L. V. (2007). J. Educational and Behavioral Statistics 32, 341-370."),
    "cox": ("Cox D. R. (1970). Analysis of Binary Data. Chapman & Hall.",),
    "multiplicity": ("Benjamini Y., Hochberg Y. (1995). J. Royal Statistical Society B 57, 289-300.",),
}
