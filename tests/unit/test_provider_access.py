"""Users and ACLs: access strings, passwords, members, states, and what clusters learn of them."""

from __future__ import annotations

from typing import Any

import pytest

from localstack_memorydb.engine import Engine
from localstack_memorydb.provider import Quotas
from tests.world import ACCOUNT, REGION, World, open_world, say

VALUE = "InvalidParameterValueException"
COMBINATION = "InvalidParameterCombinationException"
ARN = f"arn:aws:memorydb:{REGION}:{ACCOUNT}"
PASSWORD = {"Type": "password", "Passwords": ["correct-horse-battery"]}
IAM = {"Type": "iam"}


def create_user(aws: World, name: str = "alice", **params: Any) -> dict[str, Any]:
    request = {"UserName": name, "AuthenticationMode": PASSWORD, "AccessString": "on ~* &* +@all", **params}
    return dict(aws("CreateUser", **request)["User"])


def user(aws: World, name: str = "alice") -> dict[str, Any]:
    return dict(aws("DescribeUsers", UserName=name)["Users"][0])


def acl(aws: World, name: str = "staff") -> dict[str, Any]:
    return dict(aws("DescribeACLs", ACLName=name)["ACLs"][0])


@pytest.fixture
def staff(aws: World) -> World:
    """An account with the users alice, bob and carol, and an ACL of the first two."""
    for name in ("alice", "bob", "carol"):
        create_user(aws, name)
    aws("CreateACL", ACLName="staff", UserNames=["alice", "bob"])
    return aws


class TestUsers:
    def test_a_new_user_is_active_at_once(self, aws: World) -> None:
        answer = create_user(aws, "Alice", Tags=[{"Key": "team", "Value": "shop"}])
        assert answer == {
            "Name": "alice",
            "Status": "active",
            "AccessString": "on ~* &* +@all",
            "ACLNames": [],
            "MinimumEngineVersion": "6.2",
            "Authentication": {"Type": "password", "PasswordCount": 1},
            "ARN": f"{ARN}:user/alice",
        }
        assert aws("ListTags", ResourceArn=answer["ARN"])["TagList"] == [{"Key": "team", "Value": "shop"}]
        assert aws.events() == ["Create user alice operation completed."]

    def test_iam_needs_engine_7(self, aws: World) -> None:
        answer = create_user(aws, AuthenticationMode=IAM)
        assert (answer["Authentication"], answer["MinimumEngineVersion"]) == ({"Type": "iam"}, "7.0")

    @pytest.mark.parametrize(
        ("sent", "returned"),
        [
            ("~objects:* ~items:* ~public:*", "off ~objects:* ~items:* ~public:* resetchannels -@all"),
            ("on +get", "on resetchannels -@all +get"),
            ("off +get", "off resetchannels -@all +get"),
            ("~* &* -@all +@read", "off ~* &* -@all +@read"),
            ("on ~app::* -@all +@read", "on ~app::* resetchannels -@all +@read"),
            ("on ~* &* +@all", "on ~* &* +@all"),
            ("off ~* &* +@all", "off ~* &* +@all"),
            ("ON allkeys allchannels allcommands", "on ~* &* +@all"),
        ],
    )
    def test_access_strings_come_back_in_order(self, aws: World, sent: str, returned: str) -> None:
        assert create_user(aws, AccessString=sent)["AccessString"] == returned

    @pytest.mark.parametrize("text", ["on (~k* +get)", "on %R~reports:* +get", "on +lmpop"])
    def test_rules_of_engine_7(self, aws: World, text: str) -> None:
        assert create_user(aws, AccessString=text)["MinimumEngineVersion"] == "7.0"

    @pytest.mark.parametrize(
        "text",
        [
            "incorrectaccessstring",
            "on >correct-horse-battery",
            "on <correct-horse-battery",
            "on #" + "a" * 64,
            "on !" + "a" * 64,
            "on nopass",
            "on resetpass",
            "on reset",
            "on +config",
            "on +config|get",
            "on +acl|setuser",
            "on +debug",
            "on +@nonsense",
            "on (+get",
            "on +get)",
            "on +nonsense",
            "on +@all -debug",
        ],
    )
    def test_access_strings_that_are_refused(self, aws: World, text: str) -> None:
        code, message = aws.refused(
            "CreateUser", UserName="alice", AuthenticationMode=PASSWORD, AccessString=text
        )
        assert code == VALUE
        assert "horse" not in message

    @pytest.mark.parametrize(
        ("mode", "code"),
        [
            ({}, VALUE),
            ({"Type": "password"}, COMBINATION),
            ({"Type": "iam", "Passwords": ["correct-horse-battery"]}, COMBINATION),
            ({"Type": "no-password"}, VALUE),
            ({"Type": "password", "Passwords": ["correct-horse-battery"] * 3}, VALUE),
            ({"Type": "password", "Passwords": ["x" * 15]}, VALUE),
            ({"Type": "password", "Passwords": ["x" * 129]}, VALUE),
            *(({"Type": "password", "Passwords": ["x" * 15 + c]}, VALUE) for c in ',"/@\n\x7fé'),
        ],
    )
    def test_authentication_that_is_refused(self, aws: World, mode: dict[str, Any], code: str) -> None:
        found, message = aws.refused(
            "CreateUser", UserName="alice", AuthenticationMode=mode, AccessString="on"
        )
        assert (found, "xxx" in message) == (code, False)

    @pytest.mark.parametrize("password", ["x" * 16, "x" * 128, "a b!#$%^&*()-=_+[]{}"])
    def test_passwords_that_are_taken(self, aws: World, password: str) -> None:
        mode = {"Type": "password", "Passwords": [password, "correct-horse-battery"]}
        assert create_user(aws, AuthenticationMode=mode)["Authentication"]["PasswordCount"] == 2

    def test_no_password_is_kept(self, aws: World) -> None:
        create_user(aws)
        (store,) = aws.provider._stores.values()
        alice = store.users["alice"]
        assert "correct-horse" not in f"{alice!r}{vars(alice)}"
        assert alice.password_hashes[0] not in repr(alice)

    @pytest.mark.parametrize("name", ["1st", "a--b", "a-", "a" * 41, "a_b"])
    def test_names_that_are_refused(self, aws: World, name: str) -> None:
        request = {"AuthenticationMode": PASSWORD, "AccessString": "on"}
        assert aws.refusal("CreateUser", UserName=name, **request) == VALUE

    def test_a_name_is_taken_once(self, aws: World) -> None:
        create_user(aws)
        request = {"AuthenticationMode": PASSWORD, "AccessString": "on"}
        assert aws.refusal("CreateUser", UserName="ALICE", **request) == "UserAlreadyExistsFault"

    def test_an_update_replaces_all_passwords(self, aws: World) -> None:
        create_user(aws)
        mode = {"Type": "password", "Passwords": ["correct-horse-battery", "another-good-password"]}
        answer = aws("UpdateUser", UserName="alice", AuthenticationMode=mode)["User"]
        assert (answer["Status"], answer["Authentication"]["PasswordCount"]) == ("modifying", 2)
        assert user(aws)["Status"] == "active"
        aws("UpdateUser", UserName="alice", AuthenticationMode=IAM)
        assert user(aws)["Authentication"] == {"Type": "iam"}

    def test_an_update_of_the_access_string(self, aws: World) -> None:
        create_user(aws)
        aws("UpdateUser", UserName="alice", AccessString="off ~* &* +@all")
        assert user(aws)["AccessString"] == "off ~* &* +@all"
        assert user(aws)["Authentication"]["PasswordCount"] == 1

    @pytest.mark.parametrize(
        ("operation", "request_", "code"),
        [
            ("UpdateUser", {"UserName": "nobody", "AccessString": "on"}, "UserNotFoundFault"),
            ("UpdateUser", {"UserName": "alice"}, COMBINATION),
            ("UpdateUser", {"UserName": "alice", "AccessString": "on +config"}, VALUE),
            ("UpdateUser", {"UserName": "default", "AccessString": "off"}, VALUE),
            ("DeleteUser", {"UserName": "default"}, VALUE),
            ("DeleteUser", {"UserName": "nobody"}, "UserNotFoundFault"),
        ],
    )
    def test_refusals(self, aws: World, operation: str, request_: dict[str, Any], code: str) -> None:
        create_user(aws)
        assert aws.refusal(operation, **request_) == code

    def test_one_change_at_a_time(self, slow_aws: World) -> None:
        aws = slow_aws
        create_user(aws)
        aws("UpdateUser", UserName="alice", AccessString="on")
        assert aws.refusal("UpdateUser", UserName="alice", AccessString="on") == "InvalidUserStateFault"
        assert aws.refusal("DeleteUser", UserName="alice") == "InvalidUserStateFault"
        aws.pass_time(minutes=1)
        assert aws("DeleteUser", UserName="alice")["User"]["Status"] == "deleting"
        assert aws.refusal("DeleteUser", UserName="alice") == "InvalidUserStateFault"
        aws.pass_time(minutes=1)
        assert aws.refusal("DescribeUsers", UserName="alice") == "UserNotFoundFault"


class TestACLs:
    def test_a_new_acl(self, staff: World) -> None:
        answer = staff("CreateACL", ACLName="Admins", UserNames=["Carol"])["ACL"]
        assert answer == {
            "Name": "admins",
            "Status": "creating",
            "UserNames": ["carol"],
            "MinimumEngineVersion": "6.2",
            "Clusters": [],
            "ARN": f"{ARN}:acl/admins",
        }
        assert acl(staff, "admins")["Status"] == "active"
        assert user(staff, "carol")["ACLNames"] == ["admins"]

    def test_an_acl_needs_no_users(self, aws: World) -> None:
        assert aws("CreateACL", ACLName="nobody")["ACL"]["UserNames"] == []

    def test_the_newest_need_of_its_users_is_its_own(self, staff: World) -> None:
        create_user(staff, "dave", AuthenticationMode=IAM)
        staff("UpdateACL", ACLName="staff", UserNamesToAdd=["dave"])
        assert acl(staff)["MinimumEngineVersion"] == "7.0"
        staff("UpdateACL", ACLName="staff", UserNamesToRemove=["dave"])
        assert acl(staff)["MinimumEngineVersion"] == "6.2"

    def test_users_come_and_go(self, staff: World) -> None:
        answer = staff("UpdateACL", ACLName="staff", UserNamesToAdd=["carol"], UserNamesToRemove=["alice"])
        assert answer["ACL"]["Status"] == "modifying"
        assert answer["ACL"]["PendingChanges"] == {
            "UserNamesToAdd": ["carol"],
            "UserNamesToRemove": ["alice"],
        }
        assert answer["ACL"]["UserNames"] == ["alice", "bob"]
        settled = acl(staff)
        assert (settled["Status"], settled["UserNames"]) == ("active", ["bob", "carol"])
        assert "PendingChanges" not in settled

    def test_a_deleted_user_leaves_its_acls(self, staff: World) -> None:
        staff("DeleteUser", UserName="bob")
        assert (acl(staff)["UserNames"], acl(staff)["Status"]) == (["alice"], "active")

    def test_a_change_of_a_user_passes_through_its_acls(self, slow_aws: World) -> None:
        aws = slow_aws
        create_user(aws)
        aws("CreateACL", ACLName="staff", UserNames=["alice"])
        aws.pass_time(minutes=1)
        aws("UpdateUser", UserName="alice", AccessString="off")
        assert (acl(aws)["Status"], acl(aws)["UserNames"]) == ("modifying", ["alice"])
        aws.pass_time(minutes=1)
        assert acl(aws)["Status"] == "active"

    @pytest.mark.parametrize(
        ("operation", "request_", "code"),
        [
            ("CreateACL", {"ACLName": "staff"}, "ACLAlreadyExistsFault"),
            ("CreateACL", {"ACLName": "a" * 41}, VALUE),
            ("CreateACL", {"ACLName": "x", "UserNames": ["nobody"]}, "UserNotFoundFault"),
            ("CreateACL", {"ACLName": "x", "UserNames": ["alice", "ALICE"]}, "DuplicateUserNameFault"),
            ("CreateACL", {"ACLName": "x", "UserNames": ["default"]}, VALUE),
            ("UpdateACL", {"ACLName": "staff"}, COMBINATION),
            ("UpdateACL", {"ACLName": "nobody", "UserNamesToAdd": ["carol"]}, "ACLNotFoundFault"),
            ("UpdateACL", {"ACLName": "staff", "UserNamesToAdd": ["nobody"]}, "UserNotFoundFault"),
            ("UpdateACL", {"ACLName": "staff", "UserNamesToAdd": ["alice"]}, "DuplicateUserNameFault"),
            ("UpdateACL", {"ACLName": "staff", "UserNamesToRemove": ["carol"]}, VALUE),
            ("UpdateACL", {"ACLName": "staff", "UserNamesToRemove": ["nobody"]}, "UserNotFoundFault"),
            ("UpdateACL", {"ACLName": "open-access", "UserNamesToAdd": ["alice"]}, VALUE),
            ("DeleteACL", {"ACLName": "nobody"}, "ACLNotFoundFault"),
        ],
    )
    def test_refusals(self, staff: World, operation: str, request_: dict[str, Any], code: str) -> None:
        assert staff.refusal(operation, **request_) == code

    def test_open_access_stays(self, aws: World) -> None:
        assert aws.refused("DeleteACL", ACLName="open-access") == (
            VALUE,
            "open-access ACL can't be deleted.",
        )

    def test_one_change_at_a_time(self, slow_aws: World) -> None:
        aws = slow_aws
        aws("CreateACL", ACLName="staff")
        for operation in ("UpdateACL", "DeleteACL"):
            request = {"UserNamesToAdd": ["default"]} if operation == "UpdateACL" else {}
            assert aws.refusal(operation, ACLName="staff", **request) == "InvalidACLStateFault"
        aws.pass_time(minutes=1)
        assert aws("DeleteACL", ACLName="staff")["ACL"]["Status"] == "deleting"
        aws.pass_time(minutes=1)
        assert aws.refusal("DescribeACLs", ACLName="staff") == "ACLNotFoundFault"

    def test_its_life_is_told(self, staff: World) -> None:
        staff("UpdateACL", ACLName="staff", UserNamesToRemove=["alice"])
        staff("DeleteACL", ACLName="staff")
        events = staff("DescribeEvents", SourceType="acl", SourceName="staff")["Events"]
        assert [event["Message"] for event in events] == [
            "Delete ACL staff operation completed.",
            "Modify ACL staff operation completed.",
            "Create ACL staff operation completed.",
        ]


class TestClusters:
    """A cluster whose ACL is `staff`; clients are told what its users may do."""

    @pytest.fixture(autouse=True)
    def prepare(self, staff: World) -> None:
        staff.create_cluster(ACLName="staff", TLSEnabled=True, NumReplicasPerShard=0)

    def test_members_of_the_acl_come_in(self, aws: World) -> None:
        assert say(aws, "AUTH alice correct-horse-battery", "GET x") == ["+OK", "$-1"]
        assert say(aws, "GET x") == ["-NOAUTH Authentication required."]
        assert say(aws, "AUTH carol correct-horse-battery")[0].startswith("-WRONGPASS")
        assert say(aws, "AUTH bob incorrect-horse-battery")[0].startswith("-WRONGPASS")

    def test_an_acl_tells_its_clusters(self, aws: World) -> None:
        assert acl(aws)["Clusters"] == ["orders"]
        assert aws.refusal("DeleteACL", ACLName="staff") == "InvalidACLStateFault"

    def test_who_joins_may_come_in_and_who_leaves_may_not(self, aws: World) -> None:
        aws("UpdateACL", ACLName="staff", UserNamesToAdd=["carol"], UserNamesToRemove=["alice"])
        assert say(aws, "AUTH carol correct-horse-battery") == ["+OK"]
        assert say(aws, "AUTH alice correct-horse-battery")[0].startswith("-WRONGPASS")

    def test_a_deleted_user_stays_outside(self, aws: World) -> None:
        aws("DeleteUser", UserName="alice")
        assert say(aws, "AUTH alice correct-horse-battery")[0].startswith("-WRONGPASS")

    def test_a_change_of_a_user_acts(self, aws: World) -> None:
        mode = {"Type": "password", "Passwords": ["another-good-password"]}
        aws("UpdateUser", UserName="alice", AuthenticationMode=mode, AccessString="on ~* +get")
        assert say(aws, "AUTH alice another-good-password", "GET x", "DEL x")[:2] == ["+OK", "$-1"]
        assert say(aws, "AUTH alice another-good-password", "DEL x")[1].startswith("-NOPERM")

    def test_another_acl_takes_over(self, aws: World) -> None:
        aws("CreateACL", ACLName="admins", UserNames=["carol"])
        answer = aws("UpdateCluster", ClusterName="orders", ACLName="admins")["Cluster"]
        assert (answer["Status"], answer["ACLName"]) == ("updating", "staff")
        assert answer["PendingUpdates"] == {"ACLs": {"ACLToApply": "admins"}}
        cluster = aws.cluster()
        assert (cluster["Status"], cluster["ACLName"]) == ("available", "admins")
        assert "PendingUpdates" not in cluster
        assert say(aws, "AUTH carol correct-horse-battery") == ["+OK"]
        assert say(aws, "AUTH alice correct-horse-battery")[0].startswith("-WRONGPASS")
        aws("UpdateCluster", ClusterName="orders", ACLName="open-access")
        aws.cluster()
        assert say(aws, "GET x") == ["$-1"]
        aws("DeleteACL", ACLName="admins")

    def test_an_empty_acl_lets_nobody_in(self, aws: World) -> None:
        aws("CreateACL", ACLName="empty")
        aws("UpdateCluster", ClusterName="orders", ACLName="empty")
        assert say(aws, "GET x") == ["-NOAUTH Authentication required."]

    def test_without_tls_there_is_open_access_only(self, aws: World) -> None:
        request = {
            "ClusterName": "plain",
            "NodeType": "db.t4g.small",
            "ACLName": "staff",
            "TLSEnabled": False,
        }
        assert aws.refusal("CreateCluster", **request) == COMBINATION

    def test_an_older_engine_takes_no_newer_users(self, aws: World) -> None:
        aws("CreateACL", ACLName="old", UserNames=["carol"])
        aws.create_cluster("six", ACLName="old", EngineVersion="6.2")
        create_user(aws, "robot", AuthenticationMode=IAM)
        for operation, request in (
            ("UpdateACL", {"ACLName": "old", "UserNamesToAdd": ["robot"]}),
            ("UpdateUser", {"UserName": "carol", "AuthenticationMode": IAM}),
        ):
            assert aws.refusal(operation, **request) == COMBINATION
        aws("CreateACL", ACLName="new", UserNames=["robot"])
        assert aws.refusal("UpdateCluster", ClusterName="six", ACLName="new") == COMBINATION


def test_quotas(engine: Engine) -> None:
    for aws in open_world(engine, quotas=Quotas(users=3, acls=2, users_per_acl=2)):
        for name in ("alice", "bob", "carol"):
            create_user(aws, name)
        request = {"UserName": "dave", "AuthenticationMode": IAM, "AccessString": "on"}
        assert aws.refusal("CreateUser", **request) == "UserQuotaExceededFault"
        everyone = ["alice", "bob", "carol"]
        assert aws.refusal("CreateACL", ACLName="all", UserNames=everyone) == VALUE
        aws("CreateACL", ACLName="two", UserNames=everyone[:2])
        assert aws.refusal("UpdateACL", ACLName="two", UserNamesToAdd=["carol"]) == VALUE
        aws("UpdateACL", ACLName="two", UserNamesToAdd=["carol"], UserNamesToRemove=["bob"])
        aws("CreateACL", ACLName="none")
        assert aws.refusal("CreateACL", ACLName="more") == "ACLQuotaExceededFault"
