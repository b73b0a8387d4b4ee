"""What a finished training leaves to be read: curves and a model card."""

from functools import partial

from resnet_helpers._files import write_atomically, write_text
from resnet_helpers.experiments.recipe import Recipe


def write_reports(folder, result):
    """Write curves.png and README.md, the model card, of what ``train_to_folder`` returns."""
    # Here, since most who import this module draw nothing.
    import matplotlib.pyplot as plt

    from resnet_helpers import plotting

    loss, accuracy = (
        {part: [row[f"{part}_{measure}"] for row in result["history"]] for part in ("train", "val")}
        for measure in ("loss", "accuracy")
    )
    figure = plotting.plot_history(loss, accuracy)
    write_atomically(folder / "curves.png", partial(figure.savefig, format="png"))
    plt.close(figure)
    write_text(folder / "README.md", model_card(result))


def model_card(result):
    """What a network is, what it was trained on and how well it does, as Markdown."""
    made, settings, test = result["provenance"], result["settings"], result["test"]
    best = result["history"][result["best_epoch"] - 1]
    images, classes = made["images"], made["classes"]
    rows = "\n".join(
        f"| {name} | {sum(counts)} | {f'{counts[k] / sum(counts):.1%}' if any(counts) else '–'} |"
        for k, (name, counts) in enumerate(zip(classes, test["confusion"], strict=True))
    )
    # Such as test images that are copies of training images.
    notes = "".join(f"\nOf these images: {note}." for note in made.get("notes", []))
    return f"""# {settings["network"]}, trained on {made["data"]}

An image classifier: {result["parameters"]:,} parameters, {len(classes)} classes
({", ".join(classes)}), images of {settings["image_size"]}×{settings["image_size"]} pixels.

## How good it is

Test accuracy **{test["accuracy"]:.1%} ± {test["standard_error"]:.1%}** (one standard error) on
{images["test"]:,} images that took part in nothing else. They were measured once.
Validation accuracy of the kept epoch, {result["best_epoch"]} of {settings["epochs"]}:
{best["val_accuracy"]:.1%} ({images["validation"]:,} images, which chose the epoch).{notes}

| class | test images | recognised |
|---|---|---|
{rows}

![Loss and accuracy against the epoch](curves.png)

## How to use it

```python
from resnet_helpers.experiments import predict_pictures

pictures = ["photo.jpg"]
probabilities, classes = predict_pictures("best.safetensors", pictures)  # (pictures, classes)
names = [classes[k] for k in probabilities.argmax(1)]
```

Pictures are read as those it was trained on: upright, cut to the middle square, resized. In a
terminal: `python -m resnet_helpers predict best.safetensors photo.jpg`

## How it was trained

On {made["data"]}, {images["train"]:,} training images (digest of all images: {made["digest"]}).
It knows these classes and images like these. What it says of anything else means nothing, and
its certainty is no measure of how often it is right.

It took {made["seconds"] / 60:.1f} minutes on {made["date"]}: {made["device"]},
{made["processor"]}, {made["processes"]} process(es) of {made["threads"]} thread(s), Python
{made["python"]}, PyTorch {made["torch"]}, commit {made["commit"]} of resnet_helpers; by this
recipe:

{Recipe.of(settings)}
"""
