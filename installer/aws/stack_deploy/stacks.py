"""A stack in CloudFormation: planned by change sets, made, changed and deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stack_deploy.changes import failures

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
_MOST_BYTES = 51_200  # of a template that is not first put into a bucket
_LOOK_EVERY = 3.0
_MINUTES = 60


class DeployError(Exception):
    """It can't be done; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A change set that was made: its changes, and whether it would make the stack anew."""

    id: str
    new: bool
    changes: tuple[Mapping[str, Any], ...]


@dataclass(slots=True)
class Stack:
    """One stack of this template.

    Attributes:
        client: boto3's for CloudFormation.
        wait: for so many seconds.
    """

    client: Any
    name: str
    wait: Callable[[float], None] = field(default=time.sleep)

    def status(self) -> str:
        """Its state; "" where there is none."""
        try:
            found = self.client.describe_stacks(StackName=self.name)["Stacks"]
        except self.client.exceptions.ClientError as error:
            if "does not exist" in str(error):
                return ""
            raise
        status = str(found[0]["StackStatus"])
        return "" if status in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE") else status

    def plan(self, template: str, parameters: Mapping[str, str]) -> Plan:
        """What would be done; nothing is done yet.

        Args:
            parameters: those that are given; others keep what the stack has, or get their defaults.

        Raises:
            DeployError: the template or a parameter is not taken.
        """
        if len(template.encode()) > _MOST_BYTES:
            raise DeployError(f"The template has more than {_MOST_BYTES} bytes: deploy it with `sam deploy` instead.")
        new = not self.status()
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
        made = self.client.create_change_set(
            StackName=self.name,
            ChangeSetName=f"plan-{datetime.now(UTC):%Y%m%d-%H%M%S}",
            ChangeSetType="CREATE" if new else "UPDATE",
            TemplateBody=template,
            Parameters=[*given, *([] if new else self._kept_values(template, parameters))],
            Capabilities=CAPABILITIES,
            # CloudFormation passes them on to everything in the stack; the budget counts by them.
            Tags=[{"Key": "linesight:stack", "Value": self.name}, {"Key": "application", "Value": "linesight"}],
        )
        changes: list[Mapping[str, Any]] = []
        while True:
            found = self.client.describe_change_set(ChangeSetName=made["Id"], StackName=self.name)
            if found["Status"] == "FAILED":
                reason = found.get("StatusReason", "")
                if "didn't contain changes" in reason or "No updates are to be performed" in reason:
                    return Plan(made["Id"], new, ())
                self.forget(Plan(made["Id"], new, ()))
                raise DeployError(f"CloudFormation does not take it: {reason}")
            if found["Status"] == "CREATE_COMPLETE":
                break
            self.wait(_LOOK_EVERY)
        while True:
            changes += [each["ResourceChange"] for each in found["Changes"] if "ResourceChange" in each]
            if not found.get("NextToken"):
                return Plan(made["Id"], new, tuple(changes))
            asked = {"ChangeSetName": made["Id"], "StackName": self.name, "NextToken": found["NextToken"]}
            found = self.client.describe_change_set(**asked)

    def forget(self, plan: Plan) -> None:
        """Removes a plan that is not carried out, and the empty shell of a stack that it needed."""
        self.client.delete_change_set(ChangeSetName=plan.id, StackName=self.name)
        if plan.new:
            self.client.delete_stack(StackName=self.name)

    def carry_out(self, plan: Plan) -> None:
        """Does what was planned and waits for its end.

        Raises:
            DeployError: it failed, and CloudFormation took it back.
        """
        self.client.execute_change_set(ChangeSetName=plan.id, StackName=self.name)
        done = "CREATE_COMPLETE" if plan.new else "UPDATE_COMPLETE"
        status = self._settled()
        if status != done:
            reasons = failures(self.client.describe_stack_events(StackName=self.name)["StackEvents"])
            words = "; ".join(reasons[:5]) or "CloudFormation names no reason"
            raise DeployError(f"It failed ({status}). {words}.")

    def delete(self) -> None:
        """Deletes it and waits for the end; what the template keeps stays. Raises DeployError."""
        # By its number: once it is deleted, nobody knows its name any more.
        id = self.client.describe_stacks(StackName=self.name)["Stacks"][0]["StackId"]
        self.client.delete_stack(StackName=id)
        status = Stack(self.client, id, self.wait)._settled()
        if status not in ("", "DELETE_COMPLETE"):
            reasons = failures(self.client.describe_stack_events(StackName=id)["StackEvents"])
            raise DeployError(f"It was not deleted ({status}). {'; '.join(reasons[:5])}")

    def parts(self, names: Sequence[str]) -> dict[str, str]:
        """What those parts of the stack are called in the account, by their names in the template."""
        found = {}
        for page in self.client.get_paginator("list_stack_resources").paginate(StackName=self.name):
            for each in page["StackResourceSummaries"]:
                if each["LogicalResourceId"] in names:
                    found[each["LogicalResourceId"]] = each.get("PhysicalResourceId", "")
        return found

    def outputs(self) -> dict[str, str]:
        found = self.client.describe_stacks(StackName=self.name)["Stacks"][0].get("Outputs", [])
        return {each["OutputKey"]: each["OutputValue"] for each in found}

    def _kept_values(self, template: str, given: Mapping[str, str]) -> list[dict[str, Any]]:
        has = self.client.describe_stacks(StackName=self.name)["Stacks"][0].get("Parameters", [])
        # One that the template no longer knows would be refused.
        names = [each["ParameterKey"] for each in has if f"\n  {each['ParameterKey']}:\n" in template]
        return [{"ParameterKey": name, "UsePreviousValue": True} for name in names if name not in given]

    def _settled(self) -> str:
        for _ in range(int(_MINUTES * 60 / _LOOK_EVERY)):
            status = self.status()
            if not status.endswith("_IN_PROGRESS"):
                return status
            self.wait(_LOOK_EVERY)
        raise DeployError(f"It has not ended within {_MINUTES} minutes. Look at it in the console of CloudFormation.")
