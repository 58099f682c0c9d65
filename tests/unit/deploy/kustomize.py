"""As much of Kustomize as the manifests use, so that they are read without kubectl.

``test_kubernetes.py`` compares with the real one where there is one.
"""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from unit.deploy.files import documents

Manifest = dict[str, Any]
KNOWN = {
    "apiVersion",
    "kind",
    "namespace",
    "labels",
    "resources",
    "components",
    "configMapGenerator",
    "images",
    "patches",
}
UNNAMESPACED = ("Namespace",)


def build(folder: Path) -> list[Manifest]:
    """The manifests of a kustomization; a generated name has no hash at its end.

    Raises ``ValueError`` for what this cannot do, ``FileNotFoundError`` for a resource that is not there.
    """
    (kustomization,) = documents(folder / "kustomization.yaml")
    if unknown := set(kustomization) - KNOWN:
        raise ValueError(f"{folder}: this reads no {', '.join(sorted(unknown))}")
    manifests: list[Manifest] = []
    for name in kustomization.get("resources", ()):
        path = (folder / name).resolve()
        manifests += build(path) if path.is_dir() else deepcopy(documents(path))
    for name in kustomization.get("components", ()):
        # A component changes what is there already, too; ours only adds and patches its own kinds.
        manifests += build((folder / name).resolve())
    manifests += [_config_map(folder, entry) for entry in kustomization.get("configMapGenerator", ())]
    for manifest in manifests:
        _customise(manifest, kustomization)
    return manifests


def _config_map(folder: Path, entry: Manifest) -> Manifest:
    if set(entry) != {"name", "files"}:
        raise ValueError(f"{folder}: this generates config maps of files only (got {entry})")
    data = {Path(name).name: (folder / name).read_text() for name in entry["files"]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": entry["name"]}, "data": data}


def _customise(manifest: Manifest, kustomization: Manifest) -> None:
    metadata = manifest["metadata"]
    if manifest["kind"] not in UNNAMESPACED and "namespace" in kustomization:
        metadata["namespace"] = kustomization["namespace"]
    for label in kustomization.get("labels", ()):
        if set(label) - {"pairs", "includeTemplates"}:
            raise ValueError(f"this sets no labels of {label}")
        metadata["labels"] = {**metadata.get("labels", {}), **label["pairs"]}
        template = manifest.get("spec", {}).get("template")
        if template is not None and label.get("includeTemplates"):
            template["metadata"]["labels"] = {**template["metadata"].get("labels", {}), **label["pairs"]}
    for patch in kustomization.get("patches", ()):
        _patch(manifest, patch)
    for image in kustomization.get("images", ()):
        for container in containers(manifest):
            if container["image"] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"


def _patch(manifest: Manifest, patch: Manifest) -> None:
    if set(patch["target"]) != {"kind"}:
        raise ValueError(f"this patches by kind only (got {patch['target']})")
    if re.fullmatch(patch["target"]["kind"], manifest["kind"]) is None:
        return
    for step in yaml.safe_load(patch["patch"]):
        parent, _, label = step["path"].rpartition("/")
        if (step["op"], parent) != ("add", "/metadata/labels"):
            raise ValueError(f"this adds labels only (got {step})")
        manifest["metadata"]["labels"][label] = step["value"]


def containers(manifest: Manifest) -> list[Manifest]:
    """The containers of a manifest's pods."""
    spec = manifest.get("spec", {}).get("template", {}).get("spec", {})
    return [*spec.get("initContainers", ()), *spec.get("containers", ())]
