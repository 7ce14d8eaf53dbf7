"""aws_memorydb_user and aws_memorydb_acl."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from .workspace import Workspace

USER, ACL = "aws_memorydb_user.test", "aws_memorydb_acl.test"
EVERYTHING = "on ~* &* +@all"


@pytest.fixture(autouse=True)
def forget(memorydb: Any) -> Iterator[None]:
    """Deletes what a test made, out of band: the provider waits half a minute before it believes that an ACL is gone."""
    yield
    for acl in memorydb.describe_acls()["ACLs"]:
        if acl["Name"] != "open-access":
            memorydb.delete_acl(ACLName=acl["Name"])
    for user in memorydb.describe_users()["Users"]:
        if user["Name"] != "default":
            memorydb.delete_user(UserName=user["Name"])


def user(
    name: str, access: str = EVERYTHING, *passwords: str, resource: str = "test", lines: str = ""
) -> str:
    mode = (
        f'type = "password"\n    passwords = [{", ".join(f"{chr(34)}{one}{chr(34)}" for one in passwords)}]'
        if passwords
        else 'type = "iam"'
    )
    return f"""
resource "aws_memorydb_user" "{resource}" {{
  user_name     = "{name}"
  access_string = "{access}"
  authentication_mode {{
    {mode}
  }}
{lines}
}}
"""


def test_a_user(workspace: Workspace) -> None:
    found = workspace.apply(user("basic", EVERYTHING, "a" * 16, lines='  tags = { a = "1" }'))[USER]
    assert re.fullmatch(r"arn:aws:memorydb:us-east-1:\d{12}:user/basic", found["arn"])
    assert found["access_string"] == EVERYTHING
    mode = found["authentication_mode"][0]
    assert (mode["type"], mode["password_count"]) == ("password", 1)
    assert found["minimum_engine_version"]
    workspace.import_again(USER, "basic", ignored=("authentication_mode",))


def test_a_user_of_iam(workspace: Workspace) -> None:
    found = workspace.apply(user("iam-user"))[USER]
    mode = found["authentication_mode"][0]
    assert (mode["type"], mode["password_count"]) == ("iam", 0)
    workspace.import_again(USER, "iam-user")


def test_another_access_string(workspace: Workspace) -> None:
    for access in (EVERYTHING, "off ~* &* +@all"):
        assert workspace.apply(user("changing", access, "a" * 16))[USER]["access_string"] == access


def test_other_passwords(workspace: Workspace) -> None:
    for passwords in (("a" * 16, "b" * 16), ("c" * 16,), ("d" * 16, "e" * 16)):
        found = workspace.apply(user("changing", EVERYTHING, *passwords))[USER]
        assert found["authentication_mode"][0]["password_count"] == len(passwords)


def test_a_user_that_disappears(workspace: Workspace, memorydb: Any) -> None:
    configuration = user("vanishing", EVERYTHING, "a" * 16)
    workspace.apply(configuration)
    memorydb.delete_user(UserName="vanishing")
    assert "1 to add" in workspace.plan(configuration)


def acl(name: str, users: str, lines: str = "") -> str:
    return f'resource "aws_memorydb_acl" "test" {{\n  name = "{name}"\n  user_names = {users}\n{lines}\n}}\n'


def test_an_acl(workspace: Workspace) -> None:
    data = 'data "aws_memorydb_acl" "test" {\n  name = aws_memorydb_acl.test.name\n}\n'
    found = workspace.apply(
        user("member", EVERYTHING, "a" * 16)
        + acl("basic", f"[{USER}.user_name]", '  tags = { a = "1" }')
        + data
    )
    made = found[ACL]
    assert re.fullmatch(r"arn:aws:memorydb:us-east-1:\d{12}:acl/basic", made["arn"])
    assert made["user_names"] == ["member"]
    assert made["minimum_engine_version"]
    assert found["data.aws_memorydb_acl.test"]["arn"] == made["arn"]
    workspace.import_again(ACL, "basic")


def test_the_users_of_an_acl(workspace: Workspace, memorydb: Any) -> None:
    users = "".join(user(f"user-{n}", EVERYTHING, "a" * 16, resource=f"u{n}") for n in (1, 2, 3))

    def names(*numbers: int) -> str:
        return "[" + ", ".join(f"aws_memorydb_user.u{number}.user_name" for number in numbers) + "]"

    for numbers in ((), (1, 2), (1, 3), (1,), (1, 2)):
        found = workspace.apply(users + acl("changing", names(*numbers)))[ACL]
        assert sorted(found["user_names"] or []) == [f"user-{number}" for number in numbers]
    workspace.import_again(ACL, "changing")
    memorydb.delete_user(UserName="user-2")  # leaves the list of its ACL with it
    (listed,) = memorydb.describe_acls(ACLName="changing")["ACLs"]
    assert listed["UserNames"] == ["user-1"]
    kept = "".join(user(f"user-{n}", EVERYTHING, "a" * 16, resource=f"u{n}") for n in (1, 3))
    found = workspace.apply(kept + acl("changing", f"[{USER.replace('test', 'u1')}.user_name]"))[ACL]
    assert found["user_names"] == ["user-1"]


def test_tags(workspace: Workspace) -> None:
    for tags in ('{ a = "1" }', '{ a = "2", b = "3" }', '{ c = "4" }'):
        lines = f"  tags = {tags}"
        found = workspace.apply(user("tagged", lines=lines) + acl("tagged", "[]", lines))
        wanted = dict(re.findall(r'(\w) = "(\d)"', tags))
        assert (found[USER]["tags"], found[ACL]["tags"]) == (wanted, wanted)


@pytest.mark.parametrize(
    ("argument", "pattern"),
    [("", r"terraform-\d+"), ('  name_prefix = "tftest-"', r"tftest-\d+")],
    ids=["generated", "prefix"],
)
def test_names_that_terraform_makes(workspace: Workspace, argument: str, pattern: str) -> None:
    found = workspace.apply(f'resource "aws_memorydb_acl" "test" {{\n{argument}\n}}\n')[ACL]
    assert re.match(pattern, found["name"])


def test_an_acl_that_disappears(workspace: Workspace, memorydb: Any) -> None:
    workspace.apply(acl("vanishing", "[]"))
    memorydb.delete_acl(ACLName="vanishing")
    assert "1 to add" in workspace.plan(acl("vanishing", "[]"))


def test_the_data_source_of_a_user(workspace: Workspace) -> None:
    data = f'data "aws_memorydb_user" "test" {{\n  user_name = {USER}.user_name\n}}\n'
    found = workspace.apply(user("looked-up", EVERYTHING, "a" * 16, lines='  tags = { a = "1" }') + data)
    resource, source = found[USER], found[f"data.{USER}"]
    same = ("access_string", "arn", "minimum_engine_version", "tags", "user_name")
    assert {name: source[name] for name in same} == {name: resource[name] for name in same}
    mode = {"type": "password", "password_count": 1}
    assert source["authentication_mode"] == [mode]


def test_access_is_destroyed(workspace: Workspace, memorydb: Any) -> None:
    workspace.apply(user("brief", EVERYTHING, "a" * 16) + acl("brief", f"[{USER}.user_name]"))
    workspace.destroy()
    assert [row["Name"] for row in memorydb.describe_acls()["ACLs"]] == ["open-access"]
    assert [row["Name"] for row in memorydb.describe_users()["Users"]] == ["default"]
