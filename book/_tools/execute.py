"""Run the chapters, two at a time, and keep what came out in _build/ran.

python book/_tools/execute.py           those that haven't run since their code changed
python book/_tools/execute.py --save    and write their outputs into the notebooks

A run is kept as NAME.ipynb, NAME.log with what its cells complained of, and NAME.json with

    stamp    a hash of all that the outputs depend on; a run holds as long as it is the same
    seconds  how long the run took
    claims   how many claims held
    failed   null, or the cell that failed and its error; such a run has no NAME.ipynb
"""

import argparse
import base64
import hashlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import quickly  # noqa: F401 (first: nbformat comes quicker after it)

# isort: split
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbclient.util import run_sync

import resnet_helpers
from resnet_helpers._files import write_atomically, write_text
from resnet_helpers._pictures import img, img_of_jpeg

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
VERSIONS = ("torch", "torchvision", "numpy", "matplotlib")
SVG = "image/svg+xml"
COLORS = re.compile(r"\x1b\[[\d;]*m")


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def execute(notebook, **hooks):
    """Run a notebook in place, in an empty folder, so that it can't depend on where it is.

    No cell has a time limit, and the kernel an hour to start: that depends on the machine.

    Args:
        notebook: the notebook.
        hooks: functions that nbclient calls, such as ``on_cell_start``.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed; the message has its traceback.
        nbclient.exceptions.DeadKernelError: the kernel died; the machine may be out of memory.
    """
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=None,
            startup_timeout=3600,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,  # or what is saved depends on when a kernel wrote it
            # Kernels warn that they use TCP, which on one's own machine is no news.
            extra_arguments=["--log-level=CRITICAL"],
            resources={"metadata": {"path": folder}},
            **hooks,
        )
        # Cell by cell: NotebookClient.execute() answers Ctrl-C with a traceback of its own.
        with client.setup_kernel():
            try:
                for index, cell in enumerate(notebook.cells):
                    client.execute_cell(cell, index)
            except KeyboardInterrupt:
                run_sync(client.km.interrupt_kernel)()  # or it would not hear that it shall end
                raise


def stamp(notebook):
    """A hash of all that a notebook's outputs depend on: its code, the helpers and versions."""
    digest = hashlib.sha256()
    helpers = Path(resnet_helpers.__file__).parent
    for path in sorted(helpers.rglob("*")):
        # A notebook keeps a figure's state, not its script or its style.
        if path.is_file() and path.suffix not in {".pyc", ".js", ".css"}:
            digest.update(f"\0{path.relative_to(helpers)}\0".encode() + path.read_bytes())
    for cell in code_cells(notebook):
        digest.update(f"\0{cell.source}".encode())
    for package in VERSIONS:
        digest.update(f"\0{version(package)}".encode())
    digest.update(f"\0{platform.python_version()}".encode())
    return digest.hexdigest()


def kept(path, ending):
    """The file of a chapter's last run: beside the folder of the chapters, in _build/ran."""
    return path.parents[1] / "_build" / "ran" / f"{path.stem}{ending}"


def record_of(path):
    """What is kept of a chapter's last run, or None where there is no run or its stamp is old."""
    file = kept(path, ".json")
    record = json.loads(file.read_text("utf-8")) if file.exists() else None
    return record if record and record["stamp"] == stamp(read(path)) else None


def has_run(path):
    """Whether a chapter ran to its end since anything that it depends on changed."""
    record = record_of(path)
    return record is not None and record["failed"] is None


def forget(path):
    """Remove what is kept of a chapter's runs."""
    for ending in (".json", ".ipynb", ".log"):
        kept(path, ending).unlink(missing_ok=True)


def with_outputs(path):
    """A chapter with the outputs of its run here, or, where it hasn't run, with those saved."""
    notebook = read(path)
    if has_run(path):
        ran_cells = code_cells(read(kept(path, ".ipynb")))
        for cell, ran in zip(code_cells(notebook), ran_cells, strict=True):
            cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
    return notebook


def printed(notebook, stream="stdout"):
    """All that a notebook's cells have printed, line by line."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return "".join(o.text for o in outputs if o.get("name") == stream).splitlines()


def count_claims(notebook):
    """How many of a notebook's claims held."""
    return sum(line.startswith("✓ ") for line in printed(notebook))


def run(path):
    """Run a chapter, keep what comes out, and print what its cells complained of."""
    notebook = read(path)
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    record = {"stamp": stamp(notebook), "failed": None}
    begun = []
    start = time.perf_counter()
    try:
        execute(notebook, on_cell_start=lambda cell, cell_index: begun.append(cell.id))
    except CellExecutionError as error:
        message = f"{error.ename}: {error.evalue}".strip().splitlines()[0]
        record["failed"] = {"cell": begun[-1], "error": COLORS.sub("", message)}
    except DeadKernelError:
        dead = "its kernel died; where memory is short, close other programs"
        record["failed"] = {"cell": begun[-1], "error": dead}
    record |= {"seconds": time.perf_counter() - start, "claims": count_claims(notebook)}
    if record["failed"] is None:
        write_atomically(kept(path, ".ipynb"), lambda beside: nbformat.write(notebook, beside))
    write_text(kept(path, ".json"), json.dumps(record))
    for line in complaints(notebook):
        print(line)


def complaints(notebook):
    """The lines that cells wrote to stderr, and the traceback of a cell that failed."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            text = output.text if output.get("name") == "stderr" else ""
            if output.output_type == "error":
                text = "\n".join(output.traceback)
            for line in COLORS.sub("", text).splitlines():
                yield f"    {cell.id}: {line}"


def run_all(paths, meanwhile=lambda: None):
    """Run those chapters that haven't run, a line for each, and return what failed.

    Two run at a time, each in a process of its own, since few of their cells keep two cores busy;
    the longest begin.

    Args:
        paths: the chapters.
        meanwhile: what is called as soon as the first has begun: it has the second core.

    Returns:
        a list of sentences, each with a chapter, its cell and its error.
    """
    seconds = {path: read(path).metadata.get("seconds", 60) for path in paths if not has_run(path)}
    if ran := len(paths) - len(seconds):
        print(f"{ran} of {len(paths)} chapters have run, and nothing that they need has changed.")
    waiting = sorted(seconds, key=seconds.get)
    start, begun, running, failures = time.perf_counter(), {}, {}, {}
    done = took = 0  # what chapters take, as they were saved and here
    try:
        while waiting or running:
            while waiting and len(running) < 2:
                path = waiting.pop()
                begun[path], running[path] = time.perf_counter(), begin(path)
                if len(begun) == 1:
                    meanwhile()
            time.sleep(0.1)
            for path in [path for path, process in running.items() if process.poll() is not None]:
                outcome, failures[path] = end(path, running.pop(path))
                now = time.perf_counter()
                done, took = done + seconds[path], took + now - begun[path]
                left = sum(seconds.values()) / 2 * took / done - (now - start)
                togo = f", about {minutes(left)} to go" if waiting or running else ""
                number = f"chapter {paths.index(path) + 1} of {len(paths)}"
                print(f"{number}: {outcome[0]}{togo}", *outcome[1:], sep="\n", flush=True)
    finally:
        for process in running.values():  # it is broken off
            process.send_signal(signal.SIGINT)
            process.wait()
    return [failures[path] for path in paths if failures.get(path)]


def begin(path):
    """Start a process that runs a chapter; what it prints goes into NAME.log."""
    forget(path)
    log = kept(path, ".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-X", "utf8", __file__, "--one", str(path)]
    # Of two chapters on two cores, none may spin while it waits: chapter 6 took half as long again.
    environment = os.environ | {"GOMP_SPINCOUNT": "0"}
    with log.open("w", encoding="utf-8") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment)


def end(path, process):
    """What came out of a process that ran a chapter: lines for the reader, and what failed."""
    lines = kept(path, ".log").read_text("utf-8").splitlines()
    record = record_of(path)
    if record is None:  # no cell failed, but the process itself
        error = lines[-1] if lines else f"the process ended with status {process.returncode}"
        return ["FAILED", *lines], f"{path.stem}: {error}"
    outcome, sentence = f"{record['claims']} claims hold", None
    if failed := record["failed"]:
        outcome = f"FAILED in cell {failed['cell']}"
        sentence = f"{path.stem}, cell {failed['cell']}: {failed['error']}"
    return [f"{record['seconds']:.0f} s, {outcome}", *lines], sentence


def minutes(seconds):
    """A length of time in words."""
    whole = max(1, round(seconds / 60))
    return f"{whole} minute{'s' * (whole > 1)}"


def describe(cell):
    """Give the pictures that a cell drew the alt text in its metadata.

    The web book takes it from there. JupyterLab shows a picture without alt text whatever its
    metadata say, so an HTML ``img`` stands beside it, which it prefers. It holds a JPEG as WebP,
    which is smaller still.
    """
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
    for output in cell.outputs:
        data = output.get("data", {})
        if alt and "image/jpeg" in data:
            output.metadata["image/jpeg"] = {"alt": alt}
            data["text/html"] = img_of_jpeg(base64.b64decode(data["image/jpeg"]), alt)
        if alt and SVG in data:
            output.metadata[SVG] = {"alt": alt}
            data["text/html"] = img("".join(data[SVG]).encode(), SVG, alt)


def save(path):
    """Write a chapter's run into the notebook, without what changes from machine to machine.

    A widget's view is left out: it would point to a kernel that is gone, while the HTML beside it
    works by itself. How long the run took is kept, roughly, to tell a later run how long it will
    take.
    """
    notebook = with_outputs(path)
    for cell in code_cells(notebook):
        describe(cell)
        for output in cell.outputs:
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "seconds": max(10, round(record_of(path)["seconds"], -1)),
    }
    write_atomically(path, lambda beside: nbformat.write(notebook, beside))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", action="store_true", help="write outputs into the notebooks")
    parser.add_argument("--one", type=Path, metavar="CHAPTER", help="run one, as run_all does")
    arguments = parser.parse_args()
    if arguments.one:
        return run(arguments.one)
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    failures = run_all(paths)
    for path in filter(has_run, paths if arguments.save else []):
        save(path)
    print(*failures, sep="\n", end="\n" if failures else "")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
