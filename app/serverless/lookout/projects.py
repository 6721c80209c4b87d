"""Operations on projects, and tags."""

from __future__ import annotations

import re

from app.serverless.lookout.context import Caller, Context, Input, Output, model_of, now, page, project_of
from app.serverless.lookout.datasets import metadata
from app.serverless.lookout.faults import Conflict, Invalid, NotFound, OverQuota
from app.serverless.lookout.records import ModelRecord, Project

MOST_PROJECTS = 100
MOST_TAGS = 200

_MODEL_ARN = re.compile(r"arn:[^:]+:lookoutvision:[^:]*:[^:]*:model/([^/]+)/([1-9][0-9]{0,9})")


def create_project(context: Context, caller: Caller, given: Input) -> Output:
    name = given["ProjectName"]
    if context.records.project(name) is not None:
        raise Conflict(f"The project {name} exists already.", "PROJECT", name)
    if len(context.records.names()) >= MOST_PROJECTS:
        words = f"There are {MOST_PROJECTS} projects already, and no more are kept. Delete one that is not needed."
        raise OverQuota(words, "PROJECT", name, "projects")
    project = Project(name=name, arn=caller.arn("project", name), created=now(context))
    context.records.save(project)
    return {"ProjectMetadata": _metadata(project)}


def describe_project(context: Context, caller: Caller, given: Input) -> Output:
    project = project_of(context, given["ProjectName"])
    datasets = [metadata(kind, dataset) for kind, dataset in sorted(project.datasets.items(), reverse=True)]
    return {"ProjectDescription": {**_metadata(project), "Datasets": datasets}}


def list_projects(context: Context, caller: Caller, given: Input) -> Output:
    names = [(name, name) for name in context.records.names()]
    chosen, token = page(names, given)
    # One may have been deleted since.
    projects = [project for name in chosen if (project := context.records.project(name)) is not None]
    return {"Projects": [_metadata(project) for project in projects], "NextToken": token}


def delete_project(context: Context, caller: Caller, given: Input) -> Output:
    project = project_of(context, given["ProjectName"])
    left = [f"the {kind} dataset" for kind in project.datasets]
    left += [f"version {version} of the model" for version in project.models]
    if left:
        words = f"The project {project.name} can't be deleted while it has {', '.join(left[:5])}. Delete these first."
        raise Conflict(words, "PROJECT", project.name)
    context.records.remove(project.name)
    return {"ProjectArn": project.arn}


def _metadata(project: Project) -> Output:
    return {"ProjectArn": project.arn, "ProjectName": project.name, "CreationTimestamp": project.created}


def list_tags_for_resource(context: Context, caller: Caller, given: Input) -> Output:
    _, model = _tagged(context, given["ResourceArn"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in model.tags.items()]}


def tag_resource(context: Context, caller: Caller, given: Input) -> Output:
    project, model = _tagged(context, given["ResourceArn"])
    wanted = {**model.tags, **tags_of(given["Tags"])}
    if len(wanted) > MOST_TAGS:
        raise OverQuota(f"A model has at most {MOST_TAGS} tags.", "MODEL", model.arn, "tags")
    model.tags = wanted
    context.records.save(project)
    return {}


def untag_resource(context: Context, caller: Caller, given: Input) -> Output:
    project, model = _tagged(context, given["ResourceArn"])
    model.tags = {key: value for key, value in model.tags.items() if key not in given["TagKeys"]}
    context.records.save(project)
    return {}


def tags_of(given: list[dict[str, str]]) -> dict[str, str]:
    """Raises Invalid where a key stands twice."""
    found = {each["Key"]: each["Value"] for each in given}
    if len(found) < len(given):
        raise Invalid("A tag's key may stand only once in a request.")
    return found


def project_in(arn: str) -> str:
    """The project that a model's ARN names; empty for anything else."""
    found = _MODEL_ARN.fullmatch(arn)
    return found[1] if found else ""


def _tagged(context: Context, arn: str) -> tuple[Project, ModelRecord]:
    found = _MODEL_ARN.fullmatch(arn)
    if found is None:
        raise Invalid(f"{arn[:200]} is not a model's ARN: tags are kept of models.")
    project = context.records.project(found[1])
    if project is None:
        raise NotFound(f"There is no model {arn}.", "MODEL", arn)
    model = model_of(project, found[2])
    if model.arn != arn:
        raise NotFound(f"There is no model {arn}.", "MODEL", arn)
    return project, model
