/** `merlon_data.py`: how scripts and notebooks find the datasets of a run. One file, standard library only. */
export const pythonHelper = String.raw`"""Datasets that Merlon has approved for this run.

    import merlon_data
    for name in merlon_data.files("tickets"):
        with merlon_data.open("tickets", name) as lines: ...

Start the program with: merlon exec --dataset tickets -- python train.py
"""

import builtins
import hashlib
import json
import os
import pathlib


class NotApproved(RuntimeError):
    """The run was not started by Merlon, or not with this dataset."""


def _runs():
    text = os.environ.get("MERLON_DATASETS")
    if not text:
        raise NotApproved("no dataset is open: start this with 'merlon exec --dataset ID -- ...'")
    return json.loads(text)


def datasets():
    """Ids of the datasets of this run."""
    return sorted(_runs())


def path(dataset):
    """Folder of a dataset, read-only."""
    found = _runs().get(dataset)
    if found is None:
        raise NotApproved("dataset %r is not part of this run; it has %s" % (dataset, ", ".join(datasets())))
    return pathlib.Path(found["path"])


def files(dataset):
    """Names of the files of a dataset, relative to its folder."""
    base = path(dataset)
    return sorted(str(one.relative_to(base)) for one in base.rglob("*") if one.is_file())


def open(dataset, name, mode="r", **options):
    """Opens a file of a dataset for reading."""
    if any(letter in mode for letter in "wax+"):
        raise PermissionError("datasets are read-only")
    base = path(dataset).resolve()
    place = (base / name).resolve()
    if base != place and base not in place.parents:
        raise NotApproved("%r is not in dataset %r" % (name, dataset))
    if "b" not in mode:
        options.setdefault("encoding", "utf-8")
    return builtins.open(place, mode, **options)


def verify(dataset):
    """Compares every file with the manifest of the approval."""
    for name, digest in _runs()[dataset]["files"].items():
        hasher = hashlib.sha256()
        with open(dataset, name, "rb") as source:
            for block in iter(lambda: source.read(1 << 20), b""):
                hasher.update(block)
        if hasher.hexdigest() != digest:
            raise NotApproved("%s of %s is not what was approved" % (name, dataset))
    return True


def out():
    """Folder for what this run makes; its files stand in the receipt."""
    return pathlib.Path(os.environ["MERLON_OUT"])
`;
