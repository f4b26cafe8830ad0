"""`import-openpai`: writes the `cluster.yaml` that is equal to an OpenPAI directory."""

from pathlib import Path

from zkops.config.openpai import export
from zkops.core import console
from zkops.core.errors import BadInput


def task(path: Path, output: str) -> None:
    """Write the text to the file *output*, or to stdout where it is empty."""
    target = Path(output) if output else None
    text = export.describe(path, target.parent if target else Path.cwd())
    if target is None:
        return console.result(text)
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise BadInput(f"--output: {target} is there already", "name another file, or move it away") from None
    except (OSError, ValueError) as error:
        raise BadInput(
            f"--output: {target} cannot be written: {error}", "name a file in a writable directory"
        ) from None
    return console.result(str(target))
