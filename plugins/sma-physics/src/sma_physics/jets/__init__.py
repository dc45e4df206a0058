"""The domain ``jets``: jets as sequences of particles, largest transverse momentum first.

features    the four channels of a particle
reader      files of particles, as those of JetClass and of the top-tagging set
simulation  a toy: jets with one, two or three prongs
files       the toy as a data set
variables   variables of whole jets, for baselines
baselines   boosted trees on these variables
"""
