"""Operations on packaging jobs."""

from __future__ import annotations

import uuid

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
from app.serverless.lookout.faults import Conflict, Invalid, NotFound
from app.serverless.lookout.records import PackagingRecord

_PACKABLE = ("TRAINED", "STARTING_HOSTING", "HOSTED", "STOPPING_HOSTING", "HOSTING_FAILED")


def start_model_packaging_job(context: Context, caller: Caller, given: Input) -> Output:
    project = project_of(context, given["ProjectName"])
    model = model_of(project, given["ModelVersion"])
    wanted = given["Configuration"]["Greengrass"]
    if "TargetDevice" in wanted and "TargetPlatform" in wanted:
        raise Invalid("Give either TargetDevice or TargetPlatform, not both.")
    if "TargetDevice" in wanted and "CompilerOptions" in wanted:
        raise Invalid("CompilerOptions belong to a TargetPlatform: leave them out for a TargetDevice.")
    if model.status not in _PACKABLE:
        words = f"Version {model.version} of {project.name} can't be packaged: its status is {model.status}."
        raise model_conflict(project, model, words)
    name = given.get("JobName") or str(uuid.uuid4())
    if name in project.jobs:
        raise Conflict(f"The project {project.name} has a job {name} already.", "MODEL_PACKAGE_JOB", name)
    begun = now(context)
    component, version = wanted["ComponentName"], wanted.get("ComponentVersion") or f"{model.version}.0.0"
    project.jobs[name] = PackagingRecord(
        name=name,
        version=model.version,
        created=begun,
        updated=begun,
        status="CREATED",
        message="The model packaging job was created.",
        configuration=given["Configuration"],
        description=given.get("Description"),
        component=component,
        component_version=version,
        component_arn=caller.arn("components", f"{component}:versions:{version}", "greengrass"),
    )
    context.records.save(project)
    context.jobs.submit(Job("package", project.name, name))
    return {"JobName": name}


def describe_model_packaging_job(context: Context, caller: Caller, given: Input) -> Output:
    project, name = project_of(context, given["ProjectName"]), given["JobName"]
    job = project.jobs.get(name)
    if job is None:
        raise NotFound(f"The project {project.name} has no job {name}.", "MODEL_PACKAGE_JOB", name)
    described = {**_metadata(project.name, job), "ModelPackagingConfiguration": job.configuration}
    if job.status == "SUCCEEDED":
        details = {
            "ComponentVersionArn": job.component_arn,
            "ComponentName": job.component,
            "ComponentVersion": job.component_version,
        }
        described["ModelPackagingOutputDetails"] = {"Greengrass": details}
    return {"ModelPackagingDescription": described}


def list_model_packaging_jobs(context: Context, caller: Caller, given: Input) -> Output:
    project = project_of(context, given["ProjectName"])
    chosen, token = page([(job.name, job) for _, job in sorted(project.jobs.items())], given)
    return {"ModelPackagingJobs": [_metadata(project.name, job) for job in chosen], "NextToken": token}


def _metadata(project: str, job: PackagingRecord) -> Output:
    return {
        "JobName": job.name,
        "ProjectName": project,
        "ModelVersion": str(job.version),
        "ModelPackagingJobDescription": job.description,
        "ModelPackagingMethod": "Greengrass",
        "Status": job.status,
        "StatusMessage": job.message,
        "CreationTimestamp": job.created,
        "LastUpdatedTimestamp": job.updated,
    }
