"""A plugin of pytest: nbval compares a chapter's run in _build/ran instead of running it again.

python -m pytest -p replay --nbval notebooks    with book/_tools on PYTHONPATH

`make book` and `make test` need each chapter's run, and once is enough. nbval gets the outputs by
the messages that a kernel would send. Without a run that holds, it starts a kernel itself. What
execute.py lays beside a saved picture isn't compared: it comes from no cell. Nor is a plot: what a
chapter measures differs a little from machine to machine, and its claims say by how much it may.
"""

import copy
from queue import Empty

import execute
from nbval.plugin import IPyNbCell, IPyNbFile


class ReplayedKernel:
    """Answers nbval as a kernel does, from the cells of a notebook that has run."""

    def __init__(self, notebook):
        self._cells = iter(execute.code_cells(notebook))

    def is_alive(self):
        return True

    def stop(self):
        """There is no process to end."""

    def execute_cell_input(self, source, allow_stdin):
        cell = next(cell for cell in self._cells if cell.source == source)
        self._messages = [_message(output.output_type, output) for output in cell.outputs]
        self._messages.append(_message("status", {"execution_state": "idle"}))
        return "replayed"

    def await_reply(self, msg_id, timeout):
        """The cell has run."""

    def get_message(self, stream, timeout):
        if not self._messages:
            raise Empty
        return self._messages.pop(0)


def _message(kind, content):
    return {"msg_type": kind, "content": content, "parent_header": {"msg_id": "replayed"}}


def _without_copies(outputs):
    """Saved outputs without plots, and without the HTML that stands beside a picture."""
    outputs = copy.deepcopy(outputs)
    for output in outputs:
        data = output.get("data", {})
        drawn = 'id="figure_1"' in data.get("image/svg+xml", "")  # by matplotlib
        if drawn or "image/jpeg" in data:
            for kind in ("image/svg+xml", "text/html"):
                data.pop(kind, None)
    return outputs


def pytest_configure():
    start_kernel, compare = IPyNbFile.setup, IPyNbCell.compare_outputs

    def setup(self):
        if execute.has_run(self.path):
            self.kernel = ReplayedKernel(execute.with_outputs(self.path))
            self.setup_sanitize_files()
        else:
            start_kernel(self)

    def compare_outputs(self, test, ref, skip_compare=None):
        return compare(self, *map(_without_copies, (test, ref)), skip_compare)

    IPyNbFile.setup, IPyNbCell.compare_outputs = setup, compare_outputs
