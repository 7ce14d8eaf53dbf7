"""API calls as EventBridge hears of them, by way of CloudTrail:
https://docs.aws.amazon.com/memorydb/latest/devguide/logging-using-cloudtrail.html"""

from __future__ import annotations

import contextlib
import json
import logging
from typing import Any

import pytest

from localstack_memorydb.provider import Call, Fault
from localstack_memorydb.provider.ports import Scope
from tests.world import ACCOUNT, REGION, World

SECRET = "never-to-be-seen-again"


def test_a_call_that_changes_something(aws: World) -> None:
    mode = {"Type": "password", "Passwords": [SECRET]}
    aws("CreateUser", UserName="app", AccessString="on ~* +@all", AuthenticationMode=mode)
    aws.recorded()
    aws("CreateACL", ACLName="own", UserNames=["app"], Tags=[{"Key": "team", "Value": "shop"}])
    (record,) = aws.recorded()
    assert record.pop("eventID") != record.pop("requestID")
    assert record == {
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "Root",
            "principalId": ACCOUNT,
            "arn": f"arn:aws:iam::{ACCOUNT}:root",
            "accountId": ACCOUNT,
        },
        "eventTime": "2026-11-23T12:00:00Z",
        "eventSource": "memorydb.amazonaws.com",
        "eventName": "CreateACL",
        "awsRegion": REGION,
        "sourceIPAddress": "127.0.0.1",
        "userAgent": "",
        "requestParameters": {
            "aCLName": "own",
            "userNames": ["app"],
            "tags": [{"key": "team", "value": "shop"}],
        },
        "responseElements": {
            "aCL": {
                "name": "own",
                "status": "creating",
                "userNames": ["app"],
                "minimumEngineVersion": "6.2",
                "clusters": [],
                "aRN": f"arn:aws:memorydb:{REGION}:{ACCOUNT}:acl/own",
            }
        },
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }


def test_it_is_told_in_the_region_of_the_call_by_its_request(aws: World) -> None:
    call = Call(ACCOUNT, "eu-west-1", aws.now, request_id="506fc951", user_agent="aws-cli/2.2.29")
    aws.provider.invoke("CreateACL", call, {"ACLName": "own"})
    assert aws.provider.wait_for_outbox(60)
    ((scope, record),) = aws.bus.events
    assert scope == Scope(ACCOUNT, "eu-west-1")
    assert (record["requestID"], record["userAgent"]) == ("506fc951", "aws-cli/2.2.29")


def test_calls_that_only_look_are_not_told(aws: World) -> None:
    aws("DescribeClusters")
    aws("ListTags", ResourceArn=f"arn:aws:memorydb:{REGION}:{ACCOUNT}:acl/open-access")
    assert aws.recorded() == []


def test_a_call_that_is_refused_says_why(aws: World) -> None:
    aws.refused("DeleteCluster", ClusterName="none")
    (record,) = aws.recorded()
    assert (record["errorCode"], record["responseElements"]) == ("ClusterNotFoundFault", None)
    assert record["requestParameters"] == {"clusterName": "none"}
    assert "none" in record["errorMessage"]


def test_operations_that_there_are_not_are_not_told(aws: World) -> None:
    aws.refused("CreateCache", Name="none")
    assert aws.recorded() == []


@pytest.mark.parametrize(
    "params",
    [
        {"AuthenticationMode": {"Type": "password", "Passwords": [SECRET, SECRET]}},
        {"AuthenticationMode": {"Type": "password", "Passwords": SECRET}},
        {"AuthenticationMode": {"Type": "password", "Passwords": [[SECRET]]}},
        {"AuthenticationMode": SECRET},
        {"AuthenticationMode": [SECRET]},
        {"AuthenticationMode": {"Type": {"Passwords": SECRET}}},
        {"AuthenticationMode": {"Password": SECRET}},
        {"Password": SECRET},
        {"AccessString": f"on >{SECRET} ~* +@all"},
        {"AccessString": f"on ~* +@all #{SECRET}"},
        {"AccessString": f"on (>{SECRET} ~* +@all)"},
        {"AccessString": f"on (>{SECRET} ~* +@all"},
        {"AccessString": f"on +@((#{SECRET}"},
        {"AccessString": {"Value": SECRET}},
        {"AuthenticationMode": {"Type": SECRET, "Passwords": [SECRET]}},
    ],
)
def test_passwords_are_not_told(aws: World, params: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    mode = {"Type": "password", "Passwords": ["another-good-password"]}
    request = {"UserName": "app", "AccessString": "on ~* +@all", "AuthenticationMode": mode, **params}
    with caplog.at_level(logging.DEBUG), contextlib.suppress(Fault):
        aws("CreateUser", **request)
    (record,) = aws.recorded()
    assert record["requestParameters"]["userName"] == "app"
    assert SECRET not in json.dumps(record)
    assert SECRET not in caplog.text


def test_hidden_passwords_can_still_be_counted(aws: World) -> None:
    mode = {"Type": "password", "Passwords": [SECRET, SECRET + "2"]}
    aws("CreateUser", UserName="app", AccessString="on ~* +@all", AuthenticationMode=mode)
    (record,) = aws.recorded()
    assert record["requestParameters"]["authenticationMode"] == {
        "type": "password",
        "passwords": ["HIDDEN_DUE_TO_SECURITY_REASONS"] * 2,
    }


def test_the_log_has_every_call_if_it_wants_to(aws: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "localstack_memorydb.provider"):
        aws("DescribeClusters", MaxResults=20)
    (line,) = [row.getMessage() for row in caplog.records if row.name == "localstack_memorydb.provider"]
    record = json.loads(line)
    assert (record["eventName"], record["readOnly"], record["responseElements"]) == (
        "DescribeClusters",
        True,
        None,
    )
    assert record["requestParameters"] == {"maxResults": 20}
