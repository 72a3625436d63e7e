"""Tensors of other libraries as NumPy arrays, by their methods alone: no framework is imported."""

from __future__ import annotations

from typing import Any

import numpy as np

from crowdeval.errors import shown


def as_plain(value: Any) -> Any:
    """Return a value in which tensors are NumPy arrays.

    Parameters
    ----------
    value : object
        Anything: a tensor of PyTorch on any device, of any type, sparse or with a gradient; one of CuPy, TensorFlow or
        JAX; a list or tuple with tensors in it.

    Returns
    -------
    object
        An array for a tensor, a list for a list of tensors, and the same object for anything else.

    Examples
    --------
    >>> as_plain([1, 2])
    [1, 2]
    """
    if isinstance(value, np.ndarray | np.generic | int | float | str | bytes | None):
        return value
    if isinstance(value, list | tuple):  # the first entry decides: a long list of rows is not looked through
        return [as_plain(each) for each in value] if value and is_tensor(value[0]) else value
    return _array_of(value) if is_tensor(value) else value


def is_tensor(value: Any) -> bool:
    """Return whether a value is a tensor that NumPy may not read by itself.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_tensor(np.zeros(3)), is_tensor([1.0])
    (False, False)
    """
    kind = type(value)
    return (
        not isinstance(value, np.ndarray | np.generic)
        and hasattr(kind, "__array__")
        and (hasattr(kind, "detach") or hasattr(kind, "__cuda_array_interface__") or hasattr(kind, "numpy"))
    )


def _array_of(value: Any) -> Any:
    """Return a tensor as an array; a TypeError of the library goes on to the caller, which names the argument."""
    if hasattr(value, "detach"):
        value = value.detach()
    if getattr(value, "is_sparse", False) or str(getattr(value, "layout", "torch.strided")) != "torch.strided":
        value = value.to_dense()
    if hasattr(value, "cpu"):
        value = value.cpu()
    if hasattr(type(value), "__cuda_array_interface__") and hasattr(value, "get"):  # CuPy
        return np.asarray(value.get())
    try:
        return np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    except TypeError:  # a type that NumPy lacks: bfloat16
        return np.asarray(value.float().numpy())


def kind_of(value: Any) -> str:
    """Return what a value is, for a message.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    str

    Examples
    --------
    >>> kind_of(np.zeros((3, 2))), kind_of({"a": 1}), kind_of(4)
    ('an array of shape (3, 2)', 'a dict', '4')
    """
    if isinstance(value, np.ndarray) or is_tensor(value):
        return f"an array of shape {tuple(value.shape)}"
    if value is None or isinstance(value, int | float | str):
        return shown(value)
    return f"a {type(value).__name__}"
