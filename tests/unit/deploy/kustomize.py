"""As much of Kustomize as the manifests use, so that they are read without kubectl.

``test_kubernetes.py`` compares with the real one where there is one.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from unit.deploy.files import documents

Manifest = dict[str, Any]
KNOWN = {"apiVersion", "kind", "namespace", "labels", "resources", "configMapGenerator", "images"}
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
    for image in kustomization.get("images", ()):
        for container in containers(manifest):
            if container["image"] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"


def containers(manifest: Manifest) -> list[Manifest]:
    """The containers of a manifest's pods."""
    spec = manifest.get("spec", {}).get("template", {}).get("spec", {})
    return [*spec.get("initContainers", ()), *spec.get("containers", ())]
