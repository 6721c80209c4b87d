"""Operations on datasets and their lines."""

from __future__ import annotations

import itertools

from app.domain.errors import DatasetError
from app.serverless.lookout import entries
from app.serverless.lookout.context import (
    PAGE,
    Caller,
    Context,
    Input,
    Job,
    Output,
    after_key,
    dataset_of,
    moment,
    now,
    page,
    project_of,
)
from app.serverless.lookout.faults import Conflict, Invalid
from app.serverless.lookout.records import DatasetRecord, DatasetType, Object, Project

MOST_IMAGES: dict[DatasetType, int] = {"train": 16_000, "test": 4_000}

READY = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_FAILED_ROLLBACK_COMPLETE")


def create_dataset(context: Context, caller: Caller, given: Input) -> Output:
    project, kind = project_of(context, given["ProjectName"]), _type(given)
    if kind in project.datasets:
        words = f"The project {project.name} has a {kind} dataset already. Delete it first, or update its entries."
        raise Conflict(words, "DATASET", f"{project.name}/{kind}")
    place = given.get("DatasetSource", {}).get("GroundTruthManifest", {}).get("S3Object")
    source = Object(bucket=place["Bucket"], key=place["Key"], version=place.get("VersionId")) if place else None
    begun = now(context)
    dataset = DatasetRecord(
        created=begun,
        updated=begun,
        source=source,
        status="CREATE_IN_PROGRESS" if source else "CREATE_COMPLETE",
        message="The dataset is being created." if source else "The dataset was created successfully.",
    )
    project.datasets[kind] = dataset
    context.records.save_lines(project.name, kind, [])
    context.records.save(project)
    if source:
        context.jobs.submit(Job("import", project.name, kind))
    return {"DatasetMetadata": metadata(kind, dataset)}


def describe_dataset(context: Context, caller: Caller, given: Input) -> Output:
    project, kind = project_of(context, given["ProjectName"]), _type(given)
    dataset = dataset_of(project, kind)
    total, labelled, normal, anomaly = dataset.images
    described = {
        "ProjectName": project.name,
        "DatasetType": kind,
        "CreationTimestamp": dataset.created,
        "LastUpdatedTimestamp": dataset.updated,
        "Status": dataset.status,
        "StatusMessage": dataset.message,
        "ImageStats": {"Total": total, "Labeled": labelled, "Normal": normal, "Anomaly": anomaly},
    }
    return {"DatasetDescription": described}


def delete_dataset(context: Context, caller: Caller, given: Input) -> Output:
    project, kind = project_of(context, given["ProjectName"]), _type(given)
    dataset = dataset_of(project, kind)
    _check_free(project, kind, dataset, "deleted")
    training = [str(model.version) for model in project.models.values() if model.status == "TRAINING"]
    if training:
        words = f"The {kind} dataset of {project.name} can't be deleted while version {training[0]} is being trained."
        raise Conflict(words, "DATASET", f"{project.name}/{kind}")
    del project.datasets[kind]
    context.records.save(project)
    context.records.save_lines(project.name, kind, None)
    return {}


def list_dataset_entries(context: Context, caller: Caller, given: Input) -> Output:
    project, kind = project_of(context, given["ProjectName"]), _type(given)
    dataset = dataset_of(project, kind)
    wanted = entries.Filter(
        otherwise=moment(dataset.updated),
        labelled=given.get("Labeled"),
        label=given.get("AnomalyClass"),
        before=given.get("BeforeCreationDate"),
        after=given.get("AfterCreationDate"),
        contains=given.get("SourceRefContains"),
    )
    lines = context.records.lines(project.name, kind)
    # Thousands of lines take a second to understand: no more of them than a page needs.
    after = after_key(given, int)
    following = range(0 if after is None else max(0, after + 1), len(lines))
    found = ((index, lines[index]) for index in following if wanted.takes(entries.read_one(lines[index])))
    chosen, token = page(list(itertools.islice(found, (given.get("MaxResults") or PAGE) + 1)), given)
    return {"DatasetEntries": chosen, "NextToken": token}


def update_dataset_entries(context: Context, caller: Caller, given: Input) -> Output:
    project, kind = project_of(context, given["ProjectName"]), _type(given)
    dataset = dataset_of(project, kind)
    _check_free(project, kind, dataset, "updated")
    if dataset.status == "CREATE_FAILED":
        words = f"The {kind} dataset of {project.name} could not be created. Delete it and create it again."
        raise Conflict(words, "DATASET", f"{project.name}/{kind}")
    try:
        lines = entries.split(given["Changes"])
        changes = entries.read(lines)
    except DatasetError as error:
        raise Invalid(f"The changes can't be used: {error}") from error
    if not changes:
        raise Invalid("The changes hold no JSON line.")
    # Kept before the answer, so that what was accepted is done even when the server ends in between.
    context.records.save_lines(project.name, f"{kind}.changes", [entry.line for entry in changes])
    dataset.status, dataset.message = "UPDATE_IN_PROGRESS", "The dataset is being updated."
    dataset.updated = now(context)
    context.records.save(project)
    context.jobs.submit(Job("update", project.name, kind))
    return {"Status": dataset.status}


def metadata(kind: str, dataset: DatasetRecord) -> Output:
    """As DescribeProject and CreateDataset give it."""
    return {
        "DatasetType": kind,
        "CreationTimestamp": dataset.created,
        "Status": dataset.status,
        "StatusMessage": dataset.message,
    }


def _type(given: Input) -> DatasetType:
    return "train" if given["DatasetType"] == "train" else "test"


def _check_free(project: Project, kind: str, dataset: DatasetRecord, doing: str) -> None:
    if dataset.status.endswith("_IN_PROGRESS"):
        words = f"The {kind} dataset of {project.name} can't be {doing} while its status is {dataset.status}."
        raise Conflict(words, "DATASET", f"{project.name}/{kind}")
