"""What the API answers when it refuses: one class per error shape of the model, named as on the wire.

A test compares this list with botocore's model. The HTTP status is 400 throughout, as the API reference prints
it; clients tell errors apart by their code. The texts of most AWS errors are not published: where one is known
it is used, elsewhere the text names what is wrong and where.
"""

from __future__ import annotations

from typing import ClassVar

from localstack_memorydb import __version__


class Fault(Exception):
    """An error of the API: `code` is the error shape's name, `message` what the caller reads."""

    code: ClassVar[str] = "InternalFailure"
    status: ClassVar[int] = 400

    def __init_subclass__(cls) -> None:
        cls.code = cls.__dict__.get("code", cls.__name__)

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UnknownOperationException(Fault):
    """The API has no operation of that name."""


class InternalFailure(Fault):
    """An error of ours. What it was stands in the log, and nothing of the request in either."""

    status = 500


class InvalidSignatureException(Fault):
    """The request is signed for no account or Region that there can be."""


class NotImplementedFault(Fault):
    """Real MemoryDB does it, this emulator does not; said plainly, so that nobody mistakes it for an answer.

    Status 501 is none that AWS SDKs retry.
    """

    code = "NotImplemented"
    status = 501

    def __init__(self, what: str) -> None:
        release = ".".join(__version__.split(".")[:2])
        super().__init__(f"{what} is not implemented by localstack-memorydb {release}.")


class ACLAlreadyExistsFault(Fault):
    """The ACL's name is taken."""


class ACLNotFoundFault(Fault):
    """There is no ACL of that name."""


class ACLQuotaExceededFault(Fault):
    """One more ACL would exceed the account's quota."""


class APICallRateForCustomerExceededFault(Fault):
    """The operation was called too often."""


class ClusterAlreadyExistsFault(Fault):
    """The cluster's name is taken."""


class ClusterNotFoundFault(Fault):
    """There is no cluster of that name."""


class ClusterQuotaForCustomerExceededFault(Fault):
    """One more cluster would exceed the account's quota."""


class DefaultUserRequired(Fault):
    """The ACL needs a default user."""


class DuplicateUserNameFault(Fault):
    """A user is named twice, or is in the ACL already."""


class InsufficientClusterCapacityFault(Fault):
    """There is no capacity for the cluster."""


class InvalidACLStateFault(Fault):
    """The ACL is not active, or is in use."""


class InvalidARNFault(Fault):
    """The Amazon Resource Name names no resource of this service, account and Region."""


class InvalidClusterStateFault(Fault):
    """The cluster's state does not allow the operation."""


class InvalidCredentialsException(Fault):
    """The credentials are not accepted."""


class InvalidKMSKeyFault(Fault):
    """The KMS key cannot be used."""


class InvalidMultiRegionClusterStateFault(Fault):
    """The multi-Region cluster's state does not allow the operation."""


class InvalidNodeStateFault(Fault):
    """The node's state does not allow the operation."""


class InvalidParameterCombinationException(Fault):
    """Parameters that are valid alone do not go together."""


class InvalidParameterGroupStateFault(Fault):
    """The parameter group is in use, or a change of it is under way."""


class InvalidParameterValueException(Fault):
    """A parameter's value is not valid."""


class InvalidSnapshotStateFault(Fault):
    """The snapshot's state does not allow the operation."""


class InvalidSubnet(Fault):
    """A subnet does not exist, or is of another VPC."""


class InvalidUserStateFault(Fault):
    """The user's state does not allow the operation."""


class InvalidVPCNetworkStateFault(Fault):
    """The VPC does not allow the operation."""


class MultiRegionClusterAlreadyExistsFault(Fault):
    """The multi-Region cluster's name is taken."""


class MultiRegionClusterNotFoundFault(Fault):
    """There is no multi-Region cluster of that name."""


class MultiRegionParameterGroupNotFoundFault(Fault):
    """There is no multi-Region parameter group of that name."""


class NoOperationFault(Fault):
    """The request changes nothing."""


class NodeQuotaForClusterExceededFault(Fault):
    """The cluster would have more nodes than a cluster may have."""


class NodeQuotaForCustomerExceededFault(Fault):
    """The account would have more nodes in the Region than its quota."""


class ParameterGroupAlreadyExistsFault(Fault):
    """The parameter group's name is taken."""


class ParameterGroupNotFoundFault(Fault):
    """There is no parameter group of that name."""


class ParameterGroupQuotaExceededFault(Fault):
    """One more parameter group would exceed the account's quota."""


class ReservedNodeAlreadyExistsFault(Fault):
    """The reservation's identifier is taken."""


class ReservedNodeNotFoundFault(Fault):
    """There is no reservation of that identifier."""


class ReservedNodeQuotaExceededFault(Fault):
    """The account would have more reserved nodes than its quota."""


class ReservedNodesOfferingNotFoundFault(Fault):
    """There is no offering of that identifier."""


class ServiceLinkedRoleNotFoundFault(Fault):
    """The account lacks the service-linked role."""


class ServiceUpdateNotFoundFault(Fault):
    """There is no service update of that name."""


class ShardNotFoundFault(Fault):
    """The cluster has no shard of that name."""


class ShardsPerClusterQuotaExceededFault(Fault):
    """The cluster would have more shards than a cluster may have."""


class SnapshotAlreadyExistsFault(Fault):
    """The snapshot's name is taken, or the bucket holds an object of that key."""


class SnapshotNotFoundFault(Fault):
    """There is no snapshot of that name."""


class SnapshotQuotaExceededFault(Fault):
    """One more snapshot would exceed the quota."""


class SubnetGroupAlreadyExistsFault(Fault):
    """The subnet group's name is taken."""


class SubnetGroupInUseFault(Fault):
    """A cluster uses the subnet group."""


class SubnetGroupNotFoundFault(Fault):
    """There is no subnet group of that name."""


class SubnetGroupQuotaExceededFault(Fault):
    """One more subnet group would exceed the account's quota."""


class SubnetInUse(Fault):
    """A cluster has nodes in the subnet."""


class SubnetNotAllowedFault(Fault):
    """The subnet's Availability Zone or network type cannot be used."""


class SubnetQuotaExceededFault(Fault):
    """The group would have more subnets than a subnet group may have."""


class TagNotFoundFault(Fault):
    """The resource has no tag of that key."""


class TagQuotaPerResourceExceeded(Fault):
    """The resource would have more tags than a resource may have."""


class TestFailoverNotAvailableFault(Fault):
    """The shard cannot fail over."""


class UserAlreadyExistsFault(Fault):
    """The user's name is taken."""


class UserNotFoundFault(Fault):
    """There is no user of that name."""


class UserQuotaExceededFault(Fault):
    """One more user would exceed the account's quota."""
