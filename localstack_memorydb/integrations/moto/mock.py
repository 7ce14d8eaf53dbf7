"""mock_memorydb: moto's mock_aws with real clusters behind the MemoryDB API, for the length of a block or of a test."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final, TypeVar, overload

from moto.core.models import MockAWS

from localstack_memorydb.integrations.emulator import Emulator
from localstack_memorydb.integrations.moto.install import begin, emulator, end
from localstack_memorydb.settings import Settings

_Tests = TypeVar("_Tests", bound=Callable[..., Any])


_AROUND_METHODS: Final = frozenset({"setup_method", "teardown_method"})


class MockMemoryDB(MockAWS):
    """A block in which AWS is mocked; one that is inside of mock_aws shares its data.

    moto's class gives what decorates functions and classes. It counts blocks by class, so another one of it mocks.
    """

    def __init__(self, settings: Settings | None = None, *, lambda_: bool = False) -> None:
        super().__init__()
        self._aws = MockAWS()
        self._settings = settings
        self._lambda = lambda_

    def __enter__(self) -> Emulator:
        self.start()
        return emulator()

    def __call__(self, tests: Any, *args: Any, **kwargs: Any) -> Any:
        if inspect.iscoroutinefunction(tests):
            return self._coroutine(tests)
        mocked = super().__call__(tests, *args, **kwargs)
        if inspect.isfunction(tests) and tests.__name__ in _AROUND_METHODS:
            return _without_method(tests, mocked)
        return mocked

    def _coroutine(self, test: Callable[..., Any]) -> Callable[..., Any]:
        """moto's own wrapper would end before the test begins."""

        @functools.wraps(test)
        async def mocked(*args: Any, **kwargs: Any) -> Any:
            with self:
                return await test(*args, **kwargs)

        return mocked

    def start(self, reset: bool = True) -> None:
        self._aws.start(reset=reset)
        try:
            begin(self._settings, lambda_=self._lambda)
        except BaseException:
            self._aws.stop()
            raise

    def stop(self, remove_data: bool = True) -> None:
        end(remove_data=remove_data)
        self._aws.stop(remove_data=remove_data)


def _without_method(around: Callable[..., Any], mocked: Callable[..., Any]) -> Callable[..., Any]:
    """pytest looks whether setup_method wants the test's method; moto's wrapper, which takes anything, gets it always."""
    if len(inspect.signature(around).parameters) != 1:
        return mocked

    @functools.wraps(around)
    def alone(test: Any) -> Any:
        return mocked(test)

    return alone


@overload
def mock_memorydb(tests: _Tests) -> _Tests: ...


@overload
def mock_memorydb(
    tests: None = None, *, settings: Settings | None = None, lambda_: bool = False
) -> MockMemoryDB: ...


def mock_memorydb(tests: Any = None, *, settings: Settings | None = None, lambda_: bool = False) -> Any:
    """mock_aws with real clusters: `with mock_memorydb() as emulator:`, or `@mock_memorydb` on a test or its class.

    Also beside mock_aws: `with mock_aws(), mock_memorydb():`. The block's emulator knows the certificate that clients
    trust. Clusters close when the outermost block ends; then moto's own MemoryDB answers again, unless `install()` has
    been called. `settings` count the first time in a process, `lambda_` runs Lambda functions as processes.
    """
    mock = MockMemoryDB(settings, lambda_=lambda_)
    return mock if tests is None else mock(tests)
