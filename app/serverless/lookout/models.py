"""Operations on models: training, starting, stopping, describing."""

from __future__ import annotations

from app.serverless.lookout import projects
from app.serverless.lookout.context import (
    Caller,
    Context,
    Input,
    Job,
    Output,
    model_conflict,
    model_of,
    now,
    page,
    project_of,
)
from app.serverless.lookout.datasets import READY
from app.serverless.lookout.faults import Conflict, Invalid, NotFound, OverQuota
from app.serverless.lookout.records import ModelRecord, Project

MOST_MODELS = 100
"""Versions of a project's model."""

MOST_TRAININGS = 20
"""Trainings under way and waiting, of all projects: they are done one after the other."""

STARTABLE = ("TRAINED", "HOSTING_FAILED")

LEAST_NORMAL_ALONE, LEAST_ANOMALY_ALONE = 20, 10  # of a project with one dataset
LEAST_NORMAL_TRAIN = 10
LEAST_NORMAL_TEST, LEAST_ANOMALY_TEST = 10, 10


def create_model(context: Context, caller: Caller, given: Input) -> Output:
    project = project_of(context, given["ProjectName"])
    _check_datasets(project)
    if len(project.models) >= MOST_MODELS:
        words = f"The project {project.name} has {MOST_MODELS} versions of its model already. Delete some."
        raise OverQuota(words, "MODEL", project.name, "models")
    if _trainings(context) >= MOST_TRAININGS:
        words = f"{MOST_TRAININGS} models are being trained or wait for it. Try again when one of them is done."
        raise OverQuota(words, "MODEL", project.name, "trainings")
    version, place = project.next_version, given["OutputConfig"]["S3Location"]
    model = ModelRecord(
        version=version,
        arn=caller.arn("model", f"{project.name}/{version}"),
        created=now(context),
        status="TRAINING",
        message="The model is being trained.",
        description=given.get("Description"),
        bucket=place["Bucket"],
        prefix=place.get("Prefix", ""),
        kms_key=given.get("KmsKeyId"),
        tags=projects.tags_of(given.get("Tags", [])),
    )
    project.next_version += 1
    project.models[version] = model
    # What is trained is what the datasets hold now, whatever becomes of them while training waits.
    for kind in project.datasets:
        context.records.save_lines(project.name, f"{version}.{kind}", context.records.lines(project.name, kind))
    context.records.save(project)
    context.jobs.submit(Job("train", project.name, str(version)))
    return {"ModelMetadata": _metadata(model)}


def describe_model(context: Context, caller: Caller, given: Input) -> Output:
    project = project_of(context, given["ProjectName"])
    model = model_of(project, given["ModelVersion"])
    described = {
        **_metadata(model),
        "OutputConfig": {"S3Location": {"Bucket": model.bucket, "Prefix": model.prefix or None}},
        "KmsKeyId": model.kms_key,
        "MinInferenceUnits": model.min_units,
        "MaxInferenceUnits": model.max_units,
    }
    if model.evaluated is not None:
        described["EvaluationManifest"] = _object(model, evaluation_key(project, model, "Manifest"))
        described["EvaluationResult"] = _object(model, evaluation_key(project, model, "Result"))
        described["EvaluationEndTimestamp"] = model.evaluated
    return {"ModelDescription": described}


def list_models(context: Context, caller: Caller, given: Input) -> Output:
    project = project_of(context, given["ProjectName"])
    chosen, token = page(sorted(project.models.items()), given)
    return {"Models": [_metadata(model) for model in chosen], "NextToken": token}


def delete_model(context: Context, caller: Caller, given: Input) -> Output:
    project = project_of(context, given["ProjectName"])
    model = model_of(project, given["ModelVersion"])
    if model.status not in ("TRAINED", "TRAINING_FAILED", "HOSTING_FAILED", "DELETING"):
        stop = " Stop it first." if model.status == "HOSTED" else " Wait until that is over."
        words = f"Version {model.version} of {project.name} can't be deleted while its status is {model.status}."
        raise model_conflict(project, model, words + stop)
    packing = [job.name for job in project.jobs.values() if job.version == model.version and not _over(job.status)]
    if packing:
        words = f"Version {model.version} of {project.name} can't be deleted while job {packing[0]} packages it."
        raise model_conflict(project, model, words)
    remove(context, project, model)
    return {"ModelArn": model.arn}


def remove(context: Context, project: Project, model: ModelRecord) -> None:
    """Deletes a version. Where the process ends half-way, its status tells that the rest is to be done."""
    model.status, model.message = "DELETING", "The model is being deleted."
    context.records.save(project)
    context.hosting.forget(project.name, model.version)
    context.records.model(project.name, model.version).unlink(missing_ok=True)
    for kind in ("train", "test"):
        context.records.save_lines(project.name, f"{model.version}.{kind}", None)
    del project.models[model.version]
    context.records.save(project)


def start_model(context: Context, caller: Caller, given: Input) -> Output:
    project = project_of(context, given["ProjectName"])
    model = model_of(project, given["ModelVersion"])
    least, most = given["MinInferenceUnits"], given.get("MaxInferenceUnits")
    if most is not None and most < least:
        raise Invalid(f"MaxInferenceUnits ({most}) must not be less than MinInferenceUnits ({least}).")
    if model.status not in STARTABLE:
        words = (
            f"Version {model.version} of {project.name} can't be started: its status is {model.status}, not TRAINED."
        )
        raise model_conflict(project, model, words)
    model.status, model.message = "STARTING_HOSTING", "The model is starting."
    model.min_units, model.max_units = least, most
    context.records.save(project)
    context.jobs.submit(Job("start", project.name, str(model.version)))
    return {"Status": model.status}


def stop_model(context: Context, caller: Caller, given: Input) -> Output:
    project = project_of(context, given["ProjectName"])
    model = model_of(project, given["ModelVersion"])
    if model.status != "HOSTED":
        words = f"Version {model.version} of {project.name} can't be stopped: its status is {model.status}, not HOSTED."
        raise model_conflict(project, model, words)
    model.status, model.message = "STOPPING_HOSTING", "The model is stopping."
    context.records.save(project)
    context.jobs.submit(Job("stop", project.name, str(model.version)))
    return {"Status": model.status}


def evaluation_key(project: Project, model: ModelRecord, what: str) -> str:
    """Of the evaluation's "Manifest" or "Result". Prefix and name follow each other as they are."""
    return f"{model.prefix}Evaluation{what}-{project.name}-{model.version}.json"


def _object(model: ModelRecord, key: str) -> Output:
    return {"Bucket": model.bucket, "Key": key}


def _metadata(model: ModelRecord) -> Output:
    found = model.performance
    return {
        "CreationTimestamp": model.created,
        "ModelVersion": str(model.version),
        "ModelArn": model.arn,
        "Description": model.description,
        "Status": model.status,
        "StatusMessage": model.message,
        "Performance": {"F1Score": found.f1, "Recall": found.recall, "Precision": found.precision} if found else None,
    }


def _over(status: str) -> bool:
    return status in ("SUCCEEDED", "FAILED")


def _trainings(context: Context) -> int:
    found = [context.records.project(name) for name in context.records.names()]
    return sum(model.status == "TRAINING" for project in found if project for model in project.models.values())


def _check_datasets(project: Project) -> None:
    train, test = project.datasets.get("train"), project.datasets.get("test")
    if train is None:
        words = f"The project {project.name} has no training dataset. Create one first."
        raise NotFound(words, "DATASET", f"{project.name}/train")
    for kind, dataset in project.datasets.items():
        if dataset.status not in READY:
            words = f"The {kind} dataset of {project.name} is not ready: its status is {dataset.status}."
            raise Conflict(words, "DATASET", f"{project.name}/{kind}")
    few = too_few(train.images[2:], test.images[2:] if test else None)
    if few:
        raise Invalid(f"The project {project.name} has too few labelled images: {few}.")


def too_few(train: tuple[int, int], test: tuple[int, int] | None) -> str:
    """What is missing of (normal, anomaly) images, in words, or empty; `test` is None where one dataset is both."""
    if test is None:
        wanted = [
            ("normal images", train[0], LEAST_NORMAL_ALONE),
            ("images with an anomaly", train[1], LEAST_ANOMALY_ALONE),
        ]
    else:
        wanted = [
            ("normal images in the training dataset", train[0], LEAST_NORMAL_TRAIN),
            ("normal images in the test dataset", test[0], LEAST_NORMAL_TEST),
            ("images with an anomaly in the test dataset", test[1], LEAST_ANOMALY_TEST),
        ]
    return ", ".join(f"{have} {what}, at least {least} are needed" for what, have, least in wanted if have < least)
