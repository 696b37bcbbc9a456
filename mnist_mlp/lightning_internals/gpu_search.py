"""How often torch looks for a GPU while Lightning trains."""

import os

import torch

NVML_CHECK = "PYTORCH_NVML_BASED_CUDA_CHECK"


def stop_looking_for_gpus() -> None:
    """Where there is none, let torch remember it: else it loads NVIDIA's library for each step of Adam.

    Relies on Lightning setting this variable of the environment when it is imported.
    """
    if not torch.cuda.is_available():
        os.environ.pop(NVML_CHECK, None)
