"""Drop-in replacements of other libraries' schedulers: their names and signatures, étude's values.

    from etude.compat import lr_scheduler  # was: from torch.optim import lr_scheduler

A folder that is new to étude thereby gets exact resume and composition without a change to its
training code; `docs/compat.md` lists what changes.
"""
