"""Integers of the papers, with which several tests compare: typed here once.

Read in the papers or counted exactly; "MACs" are multiply–adds of one image.
"""

# He, Zhang, Ren, Sun, arXiv:1512.03385, table 1. Parameters with 1000 classes and with 10.
PARAMETERS = {
    18: (11_689_512, 11_181_642),
    34: (21_797_672, 21_289_802),
    50: (25_557_032, 23_528_522),
    101: (44_549_160, 42_520_650),
    152: (60_192_808, 58_164_298),
}
# Without a parameter in any shortcut: plain networks, and option A. 1000 classes.
PARAMETERS_WITHOUT_PROJECTIONS = {18: 11_515_688, 34: 21_623_848}

# Millions of MACs at 224×224 and 1000 classes: stride in the 3×3 as in torchvision, in the 1×1 as
# in the paper, and without projections.
MILLION_MACS = {18: 1814, 34: 3664, 50: 4089, 101: 7801, 152: 11514}
MILLION_MACS_OF_THE_PAPER = {50: 3858, 101: 7570, 152: 11282}
MILLION_MACS_WITHOUT_PROJECTIONS = {34: 3644}
# At 96×96 and 10 classes.
MILLION_MACS_AT_96 = {18: 333, 34: 673, 50: 751, 101: 1433, 152: 2114}

# The CIFAR family, option A, table 6; MACs at 32×32 in units of 100,000.
CIFAR_PARAMETERS = {
    20: 269_722,
    32: 464_154,
    44: 658_586,
    56: 853_018,
    110: 1_727_962,
    1202: 19_421_274,
}
CIFAR_MACS = {20: 406, 56: 1255, 110: 2529}
