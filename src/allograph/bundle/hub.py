"""Bundles on the Hugging Face hub, and as folders for it: the files of a bundle and a card, nothing that runs code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from allograph.bundle.folder import CONFIG, LINES, MODEL, STATISTICS, STYLES, Bundle, check_place
from allograph.errors import AllographError, InputError, ServiceError, missing_extra
from allograph.files.atomic import atomic_folder

FILES = (MODEL, CONFIG, STYLES, STATISTICS, LINES)
CARD = "README.md"
BROKEN = (OSError, RuntimeError, ValueError)
"""What `huggingface_hub` raises besides where a transfer breaks off: of Git LFS and Xet the last two."""


def load(place: str | Path, revision: str | None, token: str | None, endpoint: str | None) -> Bundle:
    """Open a bundle in a folder, or fetch a repository's into the hub's cache and open it there; as `Bundle.from_pretrained`."""
    if Path(place).is_dir():
        return Bundle.open(place)
    hub = _hub()
    try:
        folder = hub.snapshot_download(
            str(place), revision=revision, token=token, endpoint=endpoint, allow_patterns=[*FILES, CARD], library_name="allograph"
        )
    except hub.errors.HFValidationError as error:
        raise InputError(f"{place} is neither a folder nor the name of a repository, OWNER/NAME") from error
    except (hub.errors.RepositoryNotFoundError, hub.errors.RevisionNotFoundError) as error:
        which = f"the repository {place}" + ("" if revision is None else f" at {revision}")
        raise InputError(f"the hub has not {which}, or the token may not see it") from error
    except (hub.errors.HTTPError, *BROKEN) as error:
        raise _failure(error, f"{place} could not be fetched from the hub") from error
    return Bundle.open(folder)


def save(bundle: Bundle, folder: str | Path) -> None:
    """Write a bundle's files and a card into a folder, whole or not at all; as `Bundle.save_pretrained`."""
    check_place(folder)
    with atomic_folder(folder) as place:
        for name in FILES:
            if (bundle.path / name).is_file():
                shutil.copyfile(bundle.path / name, place / name)
        (place / CARD).write_text(_card(bundle), encoding="utf-8")
        Bundle.open(place)


def push(
    bundle: Bundle, repository: str, private: bool | None, revision: str | None, token: str | None, endpoint: str | None
) -> str:
    """Make a repository on the hub unless it is there, and commit a bundle's files to it; returns the commit's address."""
    hub = _hub()
    api = hub.HfApi(endpoint=endpoint, token=token, library_name="allograph")
    with TemporaryDirectory() as folder:
        save(bundle, Path(folder) / "bundle")
        try:
            name = api.create_repo(repository, private=private, exist_ok=True).repo_id
            if revision is not None:
                api.create_branch(name, branch=revision, exist_ok=True)
            done = api.upload_folder(
                repo_id=name, folder_path=Path(folder) / "bundle", revision=revision, commit_message="Upload an allograph bundle"
            )
        except hub.errors.HFValidationError as error:
            raise InputError(f"{repository} is no name of a repository: OWNER/NAME") from error
        except (hub.errors.HTTPError, *BROKEN) as error:
            raise _failure(error, f"{repository} could not be written on the hub") from error
    return str(done.commit_url)


def _hub() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError:
        raise missing_extra("huggingface_hub", "hub") from None
    return huggingface_hub


def _failure(error: Exception, what: str) -> AllographError:
    response = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
    status = getattr(response, "status_code", None)
    return ServiceError(f"{what}: {str(error).splitlines()[0] if str(error) else type(error).__name__}", status)


def _card(bundle: Bundle) -> str:
    """A model card: metadata as YAML, each value of which is JSON, and what the configuration tells."""
    corpus = bundle.config.corpus
    licence = str(corpus.get("licence") or "")
    metadata = {
        "library_name": "allograph",
        "license": "other",
        "license_name": licence or "not stated",
        "pipeline_tag": "image-classification",
        "tags": ["handwriting", "writer-adaptation", "onnx"],
    }
    head = "".join(f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in metadata.items())
    shares = "".join(
        f"| `{split}` | {100 * share:.2f} % |\n" for split, share in bundle.config.accuracy.items() if share is not None
    )
    table = f"\nRight without adaptation:\n\n| split | accuracy |\n| --- | --- |\n{shares}" if shares else ""
    return (
        f"---\n{head}---\n\n# A recognizer of handwritten characters, for allograph\n\n"
        f"It reads {len(bundle.alphabet)} labels from images of 28×28, white ink on black, in the `{bundle.frame}` frame, and "
        f"gives an embedding of {bundle.embedding_size} numbers, from which allograph learns each writer's hand.\n\n"
        '```python\nimport allograph\n\nbundle = allograph.Bundle.from_pretrained("OWNER/NAME")  # or this folder\n'
        'writer = allograph.Writer("ana", allograph.Recognizer(bundle))\n```\n'
        f"{table}\nTrained on: {corpus.get('origin') or corpus.get('source') or 'not stated'}. Licence of that: "
        f"{licence or 'not stated'}.\n\nModel: SHA-256 `{bundle.model_hash}`. No file of it runs code when it is loaded.\n"
    )
