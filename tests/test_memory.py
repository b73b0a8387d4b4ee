"""Freed memory is kept: asked of the system's own count of page faults."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys, torch
from resnet_helpers.memory import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()
def step():
    kept = [torch.ones(10_000_000) for _ in range(2)]  # 40 MB each
for _ in range(10):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_kept_memory_is_not_cleared_anew_by_the_system():
    faults = {
        mode: int(subprocess.check_output([sys.executable, "-c", SCRIPT, mode], text=True))
        for mode in ("keep", "default")
    }
    print(faults)
    assert faults["default"] > 50_000
    assert faults["keep"] < 0.5 * faults["default"]
