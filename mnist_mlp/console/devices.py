"""Whether there is the device that was asked for."""


def check_cuda(option: str, value: str) -> None:
    """See that there is a CUDA device, where one is asked for.

    Args:
        option: The option that asks for a device, without its dashes, for the message.
        value: The device: cuda, or gpu, which is Lightning's word for it; any other passes.

    Raises:
        ValueError: if there is none.
    """
    if value not in ("cuda", "gpu"):
        return
    import torch  # here, since it takes seconds, and whoever asks for no such device does not wait for it

    if not torch.cuda.is_available():
        raise ValueError(
            f"{option} {value} needs a CUDA device, and this machine has none; use --{option} cpu",
        )
