"""A capture for the CPU that works as a CUDA graph does: the same operators on the same memory, with Python's numbers
as they were when it was taken down."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

LOOK_AT_VALUES = {
    torch.ops.aten._local_scalar_dense.default,
    torch.ops.aten.is_nonzero.default,
    torch.ops.aten.nonzero.default,
    torch.ops.aten.equal.default,
}
"""Operators that a GPU would have to be waited for."""


def tensors(values):
    return [value for value in tree_leaves(values) if isinstance(value, torch.Tensor)]


class _Recorder(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.calls, self.before = [], {}
        self._own = set()  # memory of what the work itself has made

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in LOOK_AT_VALUES:
            raise RuntimeError(f"{func} looks at a tensor's values")
        if func is torch.ops.aten.lift_fresh.default:
            raise RuntimeError("a tensor is made from Python's numbers")
        for given, argument in zip(func._schema.arguments, args, strict=False):
            if given.alias_info is not None and given.alias_info.is_write:
                self._keep(tensors(argument))
        self._keep([t for name in ("out", "grad_input") for t in tensors(kwargs.get(name))])
        results = func(*args, **kwargs)
        given = {t.untyped_storage().data_ptr() for t in tensors((args, kwargs))}
        made = [t for t in tensors(results) if t.untyped_storage().data_ptr() not in given]
        self._own.update(t.untyped_storage().data_ptr() for t in made)
        self.calls.append((func, args, kwargs, results, bool(made) or func._schema.is_mutable))
        return results

    def _keep(self, written):
        """What was there before the work must be there after it was taken down."""
        for tensor in written:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in self._own and storage.data_ptr() not in self.before:
                self.before[storage.data_ptr()] = (storage, storage.clone())


def recorded(work):
    """Take down operators while they run, put all memory back, and give what calls them again."""
    recorder = _Recorder()
    with recorder:
        work()
    for storage, content in recorder.before.values():
        storage.copy_(content)

    def replay():
        with torch._C._AutoDispatchBelowAutograd():
            for func, args, kwargs, results, acts in recorder.calls:
                if not acts:  # a view stays what it is
                    continue
                again = func(*args, **kwargs)
                for place, value in zip(tensors(results), tensors(again), strict=True):
                    if place.data_ptr() != value.data_ptr():
                        place.copy_(value)

    return replay
