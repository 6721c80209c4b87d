"""`sagemaker`: training and judging folders of a bucket with the successor of Lookout for Vision."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.output import Output

if TYPE_CHECKING:  # the parser takes `options` from here
    from app.cli.parser import Arguments

LOOK_EVERY = 15.0
"""Seconds between two looks at a job."""

_KINDS = ("classification", "segmentation", "classification-robust", "segmentation-robust")


def options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    train = actions.add_parser("train", help="trains from a manifest in a bucket and follows until it has ended")
    train.add_argument("--algorithm", required=True, metavar="ARN", help="of your subscription in AWS Marketplace")
    train.add_argument("--role", required=True, metavar="ARN", help="that SageMaker acts as")
    train.add_argument("--manifest", dest="manifest_uri", required=True, metavar="S3", help="s3://BUCKET/KEY")
    train.add_argument("--type", dest="model_type", choices=_KINDS, default="classification", help="kind of model")
    train.add_argument(
        "--attributes", default="", metavar="A,B,...", help="names in the manifest (default: the usual ones)"
    )
    judge = actions.add_parser("transform", help="judges all pictures under a place of a bucket")
    judge.add_argument("--model-name", dest="model_name", required=True, metavar="NAME", help="of SageMaker")
    judge.add_argument("--pictures", dest="pictures_uri", required=True, metavar="S3", help="s3://BUCKET/PREFIX/")
    model = actions.add_parser("model", help="makes a model of a training that has ended, for an endpoint or a batch")
    model.add_argument("--job", required=True, metavar="NAME", help="of the training")
    model.add_argument("--name", required=True, metavar="NAME", help="of the model to be made")
    model.add_argument("--role", required=True, metavar="ARN", help="that SageMaker acts as")
    model.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    model.add_argument("--data-dir", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    for each, instance in ((train, "ml.g4dn.2xlarge"), (judge, "ml.c5.2xlarge")):
        each.add_argument("--job", required=True, metavar="NAME", help="a new name for the job")
        each.add_argument("--output", dest="output_uri", required=True, metavar="S3", help="s3://BUCKET/PREFIX/")
        each.add_argument("--instance", default=instance, metavar="TYPE", help=f"machine (default: {instance})")
        each.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        each.add_argument("--data-dir", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def command(options: Arguments, output: Output) -> int:
    from app import settings as settings_file
    from app.cloud.session import CloudSession
    from app.cloud.training import TrainingPlan, TransformPlan, train, transform
    from app.paths import data_folder

    settings = settings_file.load(data_folder(options.data_dir).settings)
    session = CloudSession(settings.account())

    def wait() -> None:
        time.sleep(LOOK_EVERY)

    if options.action == "model":
        from app.cloud.hosting import host

        hosted = host(session, options.job, options.name, options.role, output.step, wait)
        output.result(
            {"model": hosted.name, "package": hosted.package, "artefact": hosted.artefact},
            f"{hosted.name} is a model of SageMaker now. Name it under Set-up, Cloud, Who judges, or in "
            f"`sagemaker transform --model-name {hosted.name}`.",
        )
        return 0
    output.say("Ctrl+C stops the job.")
    if options.action == "train":
        attributes = tuple(name.strip() for name in options.attributes.split(",") if name.strip())
        plan = TrainingPlan(
            options.job,
            options.algorithm,
            options.role,
            options.manifest_uri,
            options.output_uri,
            options.model_type,
            attributes,
            options.instance,
        )
        found = train(session, plan, output.step, wait)
        told = ", ".join(f"{name} {value:.4g}" for name, value in found.metrics.items()) or "no metrics"
        output.result(
            {"job": found.name, "artefact": found.artefact, "metrics": found.metrics, "billed_seconds": found.seconds},
            f"{found.name}: {found.artefact}, {told}",
        )
        return 0
    job = TransformPlan(options.job, options.model_name, options.pictures_uri, options.output_uri, options.instance)
    answers = transform(session, job, output.step, wait)
    anomalous = sum(1 for each in answers.values() if each and each["anomalous"])
    unread = sum(1 for each in answers.values() if each is None)
    words = f"{len(answers)} pictures, {anomalous} anomalous" + (
        f", {unread} without a readable answer" if unread else ""
    )
    output.result({"job": options.job, "pictures": answers, "anomalous": anomalous, "unreadable": unread}, words)
    return 1 if unread else 0
