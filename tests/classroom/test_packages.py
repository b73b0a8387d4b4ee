"""The chapters' own word where another package is imported in place of torch-summary."""

import pytest
import torchsummary

from resnet_helpers.classroom import require_torch_summary

pytestmark = pytest.mark.trouble("another kernel")


def test_torch_summary_is_the_one_that_is_installed():
    require_torch_summary()


def test_the_older_package_is_told_by_its_arguments_with_the_commands_that_help(monkeypatch):
    def summary(model, input_size, batch_size=-1, device="cuda:0", dtypes=None):
        """As in torchsummary 1.5.1."""

    monkeypatch.setattr(torchsummary, "summary", summary)
    with pytest.raises(ImportError, match="takes model, input_size, batch_size") as caught:
        require_torch_summary()
    assert str(caught.value).splitlines()[1:] == [
        "%pip uninstall --yes torchsummary",
        "%pip install --force-reinstall torch-summary",
    ]
