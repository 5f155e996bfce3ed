"""Which training is recommended, on tables of hand-made forecasts."""

from __future__ import annotations

from dataclasses import replace

from striate.tasks import TASKS
from striate.training.planning.candidates import Candidate
from striate.training.planning.choice import choose
from striate.training.planning.forecast import Forecast, epochs_within

CLASSES = TASKS["classification"]
VGG = Forecast(Candidate("vgg16"), "default", (64, 64), 1, 100, 60.0, 10.0, None, 12, tried=True, fits=True)
RESNET = replace(VGG, candidate=Candidate("resnet18"), macs=10)
TRAINED = replace(VGG, candidate=Candidate("quick_regnet26", weights="embedded"), recipe="finetune", epochs=4)
FAST = replace(VGG, candidate=Candidate("quick_regnet26", "fast"), recipe="fast")


def chosen(forecasts, of_each=100.0, pictures=1000, task=CLASSES):
    found, why = choose(forecasts, task, of_each, pictures)
    return None if found is None else str(found.candidate), why


def test_trained_weights_are_recommended_for_few_pictures_of_a_class():
    name, why = chosen([VGG, RESNET, TRAINED])
    assert name == "quick_regnet26 from the embedded weights"
    assert why.endswith("up to 400 a class (benchmarks/transfer.md), here about 100, and there is time for 4 epochs")


def test_of_many_pictures_it_is_what_the_house_has_trained_with_time_for_ten_epochs():
    assert chosen([VGG, RESNET, TRAINED, FAST], 500.0, 50_000)[0] == "quick_regnet26 by the recipe fast"
    assert chosen([VGG, RESNET, TRAINED, FAST], 500.0, 1_000)[0] == "resnet18"
    assert chosen([VGG, RESNET, replace(FAST, epochs=9)], 500.0, 50_000)[0] == "resnet18"
    assert chosen([VGG, replace(RESNET, epochs=2)], 500.0)[0] == "resnet18"


def test_of_many_small_pictures_it_is_the_recipe_for_these():
    small = replace(VGG, candidate=Candidate("airbench94", "small_pictures"), recipe="small_pictures")
    assert chosen([VGG, RESNET, small], 500.0, 50_000)[0] == "airbench94 by the recipe small_pictures"
    assert chosen([VGG, RESNET, small], 500.0, 1_000)[0] == "resnet18"


def test_where_nothing_was_trained_here_it_is_the_largest_with_time_and_that_is_said():
    smaller = replace(VGG, candidate=Candidate("vgg11"), macs=50)
    name, why = chosen([smaller, VGG, replace(VGG, candidate=Candidate("vgg19"), macs=200, epochs=3)])
    assert (name, why[-35:]) == ("vgg16", "how good it becomes nobody has measured"[-35:])


def test_a_budget_for_nothing_says_the_smallest_possible_one():
    none = [replace(VGG, epochs=0), replace(RESNET, epochs=0, epoch_s=5.5)]
    name, why = chosen(none)
    assert name is None
    assert why == (
        "the smallest possible budget is about 16 s: one epoch of resnet18 (5.5 s), with what is before and after "
        "it (10 s)"
    )
    assert chosen([replace(VGG, fits=False)])[1] == "none of these fits into the free memory; close other programs"


def test_of_other_tasks_it_is_the_house_s_own_network_or_the_quickest():
    task = TASKS["segmentation"]
    own = replace(VGG, candidate=Candidate("quick_fcn"), recipe="quick_fcn", epoch_s=30.0)
    quick = replace(VGG, candidate=Candidate("unet"), recipe="segmentation", epoch_s=20.0)
    assert chosen([quick, own], task=task)[0] == "quick_fcn"
    assert chosen([quick, replace(own, epochs=1)], task=task)[0] == "unet"


def test_what_is_measured_before_a_run_takes_its_time_too():
    assert epochs_within(1010, 1.0, 10.0) == 980  # 20 s at the most
    assert epochs_within(110, 1.0, 10.0) == 95  # a twentieth
    assert epochs_within(5, 1.0, 10.0) == 0
