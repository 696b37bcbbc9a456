"""The machine that a benchmark ran on, in words."""

import os
import platform
from pathlib import Path

import torch


def machine(device: str) -> str:
    """The processor, the threads, and the versions of what computes."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), name)
    if device == "cuda":
        name = torch.cuda.get_device_name()
    return f"{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"
