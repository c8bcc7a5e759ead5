# SPDX-License-Identifier: Apache-2.0
"""Small graphs, and what can leave each of them. test_cases.py proves it."""

from . import attention, channels, constraints, movement, roadmap, sharing, statistics

ALL = [case for subject in (channels, movement, attention, statistics, sharing, constraints, roadmap) for case in subject.CASES]
