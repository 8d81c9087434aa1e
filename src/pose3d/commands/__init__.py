"""The subcommands of ``pose3d``, one module each: a docstring, ``add_arguments`` and ``run``.

``pose3d --help`` loads all of them, so what takes long to load (NumPy, torch) they import in the functions that need
it. What they have in common, the end in one sentence included, is in :mod:`pose3d.commands.run`.
"""
