"""Upload what a Hugging Face Space needs of this page: no history, no tests (`make space SPACE=user/name`).

    python -m demo.space user/metastyle              # creates the Space where there is none yet
    python -m demo.space user/metastyle --to folder  # only writes the Space's files to a folder

The hub's own client asks for a token (`hf auth login`, or $HF_TOKEN) and stores large files as the hub wants them; a
plain `git push` of the weights would be refused. What differs from this folder: README.md names the picture for links by
its address on the hub, requirements.txt names the newest PyTorch that ZeroGPU takes, and .gitattributes marks the weights.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import HfApi

from core.program import command_parser, path_of

ROOT = Path(__file__).resolve().parents[1]
FILES = ("app.py", "LICENSE", "README.md", "README.zh.md", "requirements.txt", "pyproject.toml")
FOLDERS = ("core", "demo", "gallery", "checkpoints")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "my", ".DS_Store")
THUMBNAIL = "demo/shared/brand/preview.jpg"
ZERO_GPU = {"torch": "2.11.0", "torchvision": "0.26.0"}  # the newest that ZeroGPU takes
ATTRIBUTES = """*.safetensors filter=lfs diff=lfs merge=lfs -text
*.jpg filter=lfs diff=lfs merge=lfs -text
*.png filter=lfs diff=lfs merge=lfs -text
"""


def space_readme(text: str, space: str) -> str:
    """README.md with its thumbnail's address on the hub in the front matter."""
    address = f"https://huggingface.co/spaces/{space}/resolve/main/{THUMBNAIL}"
    return re.sub(r"^thumbnail: .*$", f"thumbnail: {address}", text, count=1, flags=re.M)


def space_requirements(text: str) -> str:
    """requirements.txt with the PyTorch that ZeroGPU takes, and the package that lends its GPU."""
    for name, version in ZERO_GPU.items():
        text = re.sub(rf"^{name}==.*$", f"{name}=={version}", text, flags=re.M)
    return f"{text.rstrip()}\nspaces\n"


def write_space(folder: Path, space: str, root: Path = ROOT) -> None:
    """Write all files of the Space to a folder.

    Raises:
        OSError: a file is missing, or cannot be written.
    """
    for name in FOLDERS:
        shutil.copytree(root / name, folder / name, ignore=LEFT_OUT, dirs_exist_ok=True)
    for name in FILES:
        shutil.copy(root / name, folder / name)
    readme, requirements = folder / "README.md", folder / "requirements.txt"
    readme.write_text(space_readme(readme.read_text("utf-8"), space), "utf-8")
    requirements.write_text(space_requirements(requirements.read_text("utf-8")), "utf-8")
    (folder / ".gitattributes").write_text(ATTRIBUTES, "utf-8")


def upload(folder: Path, space: str, endpoint: str | None = None) -> str:
    """Create the Space where there is none and make its files those of the folder; returns its address.

    Raises:
        HfHubHTTPError, LocalTokenNotFoundError: see huggingface_hub.
    """
    hub = HfApi(endpoint=endpoint)
    created = hub.create_repo(space, repo_type="space", space_sdk="gradio", exist_ok=True)
    hub.upload_folder(
        repo_id=space,
        repo_type="space",
        folder_path=folder,
        delete_patterns="*",
        commit_message="MetaStyle",
    )
    return str(created)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = command_parser("demo.space", __doc__)
    parser.add_argument("space", metavar="USER/NAME")
    to = "write the files there, upload nothing"
    parser.add_argument("--to", type=path_of, metavar="DIR", help=to)
    options = parser.parse_args(arguments)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", options.space):
        parser.error("name the Space as USER/NAME")
    try:
        if options.to:
            write_space(options.to, options.space)
            print(options.to)
            return 0
        with tempfile.TemporaryDirectory() as folder:
            write_space(Path(folder), options.space)
            print(upload(Path(folder), options.space))
    except Exception as error:  # no token, no network, no such user, a file that is missing
        reason = " ".join(str(error).split()) or type(error).__name__
        print(f"error: the Space was not uploaded: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
