"""Names, units and order of the 28 features of a HIGGS event.

Source: Baldi, Sadowski and Whiteson 2014 (arXiv 1402.4735), section 2, and the UCI data set HIGGS. Units apply to
the toy set; in the published data, every feature is divided by a constant so that its values are near 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["GeV", "radians", "1"]

LABEL = "label"
"""Column of the class: 1 for signal, 0 for background."""

SOURCE = "source"
"""Column of ``higgs.csv.gz`` with the public sample that a row is from."""

JETS = (1, 2, 3, 4)
"""Numbers of the jets, in order of decreasing transverse momentum."""


@dataclass(frozen=True)
class Feature:
    """Feature of an event: column name, unit (``1`` if dimensionless), meaning, and whether it is an azimuth."""

    name: str
    unit: Unit
    meaning: str
    angle: bool = False


def _jet(number: int) -> tuple[Feature, ...]:
    return (
        Feature(f"jet{number}_pt", "GeV", f"transverse momentum of jet {number}"),
        Feature(f"jet{number}_eta", "1", f"pseudorapidity of jet {number}"),
        Feature(f"jet{number}_phi", "radians", f"azimuth of jet {number}", angle=True),
        Feature(f"jet{number}_btag", "1", f"b-tag of jet {number}: none, loose, tight"),
    )


FEATURES: tuple[Feature, ...] = (
    Feature("lepton_pT", "GeV", "transverse momentum of the lepton"),
    Feature("lepton_eta", "1", "pseudorapidity of the lepton"),
    Feature("lepton_phi", "radians", "azimuth of the lepton", angle=True),
    Feature("missing_energy_magnitude", "GeV", "missing transverse momentum"),
    Feature("missing_energy_phi", "radians", "azimuth of the missing momentum", angle=True),
    *_jet(1),
    *_jet(2),
    *_jet(3),
    *_jet(4),
    Feature("m_jj", "GeV", "mass of the two jets of the W"),
    Feature("m_jjj", "GeV", "mass of that W and a b jet"),
    Feature("m_lv", "GeV", "mass of lepton and neutrino"),
    Feature("m_jlv", "GeV", "mass of that W and the other b jet"),
    Feature("m_bb", "GeV", "mass of the two b jets"),
    Feature("m_wbb", "GeV", "mass of a W and the two b jets"),
    Feature("m_wwbb", "GeV", "mass of all"),
)

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)

BTAG_VALUES: dict[int, tuple[float, float, float]] = {
    1: (0.0, 1.086538, 2.173076),
    2: (0.0, 1.107436, 2.214872),
    3: (0.0, 1.274112, 2.548224),
    4: (0.0, 1.550981, 3.101961),
}
"""Values of the b-tag of each jet in the published data: none, loose, tight."""


def markdown_table() -> str:
    """Return the features as a Markdown table, as shown in the README."""
    lines = ["| column | unit | what it is |", "| --- | --- | --- |"]
    for feature in FEATURES:
        kind = f"{feature.unit}, an angle" if feature.angle else ("none" if feature.unit == "1" else feature.unit)
        lines.append(f"| `{feature.name}` | {kind} | {feature.meaning} |")
    return "\n".join(lines) + "\n"
